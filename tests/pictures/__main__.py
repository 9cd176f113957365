"""`make pictures`: the pictures of the docs, of a sample letter and of the pages of a demo town with made-up people."""

from tests.pictures import letters, pages

if __name__ == "__main__":
    letters.draw()
    pages.draw()
