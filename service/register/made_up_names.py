"""Names, districts and kroner levels from which made-up register extracts are put together.

Streets, postcodes and districts are real places, so that a demo looks like home; who lives there is invented.
"""

import msgspec

WOMAN = 0
MAN = 1


class Background(msgspec.Struct, frozen=True):
    """Where a family's names come from; `given` holds women's and men's names, at WOMAN and MAN."""

    language: str
    given: tuple[tuple[str, ...], tuple[str, ...]]
    family: tuple[str, ...]


class District(msgspec.Struct, frozen=True):
    """A part of the municipality.

    `size` weighs how many households live there, `poor` is the share of them with low income, `level` what
    the others earn compared with the country, `native` the share with the country's own names, `flats` the
    share that lives in flats.
    """

    name: str
    postcode: str
    city: str
    size: int
    poor: float
    level: float
    native: float
    flats: float
    streets: tuple[str, ...]


class Country(msgspec.Struct, frozen=True):
    """`floors` ends the address of a flat; `kroner` turns Danish 2017 kroner into the country's own level."""

    native: Background
    immigrant: tuple[Background, ...]
    districts: tuple[District, ...]
    floors: tuple[str, ...]
    kroner: float


def _background(language: str, women: str, men: str, family: str) -> Background:
    return Background(language, (tuple(women.split()), tuple(men.split())), tuple(family.split()))


_DANISH = _background(
    "da",
    "Anna Ida Freja Clara Sofie Alma Ella Nora Emma Laura Karla Agnes Asta Lærke Mathilde "
    "Amalie Josefine Åse Bjørk "
    "Signe Maja Caroline Isabella Frida Liva Mille Silje Tilde Anne-Sofie Anne-Mette "
    "Ane-Kathrine Birgitte Karen "
    "Kirsten Lone Mette Hanne Pernille Rikke Sørine Trine Ærinna Ellen Marie Ronja Vigga Merle Saga",
    "William Noah Oscar Emil Karl Viggo Malthe Aksel Valdemar August Alfred Magnus Søren "
    "Jørgen Bjørn Åge Øyvind "
    "Asbjørn Nikolaj Jonas Mikkel Rasmus Frederik Mads Lasse Jeppe Anders Jens Lars Peter "
    "Henrik Niels Karl-Emil "
    "Jens-Peter Hans-Jørgen Tobias Oliver Lucas Victor Theo Storm Elliot Otto Bertil Thor Ægir",
    "Nielsen Jensen Hansen Pedersen Andersen Christensen Larsen Sørensen Rasmussen Jørgensen Petersen Madsen "
    "Kristensen Olsen Thomsen Christiansen Poulsen Johansen Møller Mortensen Knudsen "
    "Østergaard Kjær Bækgaard "
    "Grønkjær Færch Åkjær Skov Holm Dahl Lund Lauritsen Vestergaard Nørgaard Søndergaard "
    "Mikkelsen Duus Thygesen "
    "Holm-Nielsen Bech-Larsen Skov-Jensen Åbo Ærø Overgaard Kirkegaard Bruun",
)
_NORWEGIAN = _background(
    "nb",
    "Nora Emma Ingrid Sofie Ella Olivia Maja Frida Astrid Selma Tuva Hedda Solveig Live Åse "
    "Gunnhild Sigrid Ragnhild "
    "Marte Silje Hanne Kari Anne Liv Bjørg Ingeborg Eline Vilde Mathea Thea Anne-Lise "
    "Anne-Kari Synnøve Turid Marit "
    "Ida Jenny Oda Tiril Sunniva",
    "Jakob Emil Noah Oliver Filip Lukas Oskar Aksel Håkon Magnus Sondre Sindre Øyvind Bjørn "
    "Åsmund Lars Ole Per Knut "
    "Kåre Terje Odd-Arne Ole-Jørgen Jan-Erik Eirik Henrik Kristian Tobias Mathias Sander Even "
    "Vetle Sverre Olav "
    "Torstein Gard Ulrik Iver Leif Brage",
    "Hansen Johansen Olsen Larsen Andersen Pedersen Nilsen Kristiansen Jensen Karlsen Johnsen "
    "Pettersen Eriksen Berg "
    "Haugen Hagen Johannessen Andreassen Jacobsen Dahl Jørgensen Halvorsen Lund Solberg Bakken "
    "Moen Strand Lie "
    "Sørlie Ødegård Åsen Bråten Næss Sæther Østby Berg-Hansen Lund-Moe Fjeld Aas Tveit",
)
_IMMIGRANT = (
    _background(
        "ar",
        "Fatima Aisha Zahra Noor Maryam Layla Yasmin Amina Hanan Rania Salma Dalia Huda Lina Sara "
        "Nour-Alhuda Rima "
        "Samira Iman Ghada",
        "Mohammed Ahmad Ali Omar Yusuf Ibrahim Hassan Khaled Karim Bilal Tariq Mahmoud Samir "
        "Abdul-Rahman Anas Zaid "
        "Adam Hamza Nabil Walid",
        "Hussein Ibrahim Al-Masri El-Sayed Khalil Hamad Saleh Mansour Haddad Abdallah Nasser "
        "Darwish Othman Kassem "
        "Al-Khatib Youssef Taha Suleiman",
    ),
    _background(
        "so",
        "Hodan Ayaan Ifrah Sagal Hibo Nimco Sahra Ubah Deeqa Faduma Idil Khadra Ladan Muna Sucaad",
        "Abdi Cabdi Liban Mahad Guled Yasin Abukar Ayanle Jama Warsame Ismail Hirsi Zakaria Sharmarke Bashir",
        "Warsame Abdullahi Farah Jama Mohamud Hersi Aden Nur Osman Duale Ali Gedi Elmi Abdi",
    ),
    _background(
        "tr",
        "Ayşe Elif Zeynep Emine Hatice Merve Özlem Gül Selin Büşra Esra Melek Derya Ece Nur",
        "Mehmet Mustafa Emre Yusuf Murat Hakan Kerem Ömer Burak Can Deniz Serkan Tolga Çağrı Eren",
        "Yılmaz Kaya Demir Şahin Çelik Yıldız Öztürk Aydın Arslan Doğan Kılıç Aslan Koç Kurt",
    ),
    _background(
        "vi",
        "Linh Mai Lan Hoa Thảo Hương Ngọc Trang Thuý My Anh Phương Nhi Vy",
        "Minh Nam Tuấn Hùng Dũng Huy Quang Khoa Long Phúc Bảo Đức Sơn Việt",
        "Nguyen Tran Le Pham Hoang Phan Vu Dang Bui Do Ho Ngo Duong",
    ),
    _background(
        "uk",
        "Olena Oksana Iryna Sofiia Daryna Kateryna Nataliia Yuliia Solomiia Zlata Anastasiia Mariia Polina Halyna",
        "Oleksandr Andrii Dmytro Maksym Artem Bohdan Danylo Ivan Mykola Taras Yaroslav Vasyl Nazar Ostap",
        "Shevchenko Kovalenko Bondarenko Tkachenko Kravchenko Oliinyk Shevchuk Koval Polishchuk Bondar Moroz Lysenko",
    ),
)


def _district(
    name: str, post: str, size: int, poor: float, level: float, native: float, flats: float, streets: str
) -> District:
    """`post` is the postcode and its city; streets are parted by |."""
    postcode, _, city = post.partition(" ")
    return District(name, postcode, city, size, poor, level, native, flats, tuple(streets.split("|")))


DENMARK = Country(
    native=_DANISH,
    immigrant=_IMMIGRANT,
    districts=(
        _district(
            "Gellerup",
            "8220 Brabrand",
            2,
            0.52,
            0.78,
            0.15,
            0.98,
            "Gudrunsvej|Bentesvej|Lottesvej|Janesvej|Edwin Rahrs Vej",
        ),
        _district(
            "Hasle",
            "8210 Aarhus V",
            3,
            0.27,
            0.90,
            0.55,
            0.70,
            "Bispehavevej|Rydevænget|Ryhavevej|Hasle Ringvej|Rymarken",
        ),
        _district(
            "Tilst",
            "8381 Tilst",
            2,
            0.20,
            0.94,
            0.70,
            0.40,
            "Tilst Vestervej|Tilst Skolevej|Viborgvej|Tinghøjvej",
        ),
        _district(
            "Viby",
            "8260 Viby J",
            4,
            0.16,
            0.98,
            0.80,
            0.50,
            "Skanderborgvej|Rosenvangs Allé|Kongsvang Allé|Søndervangs Allé",
        ),
        _district(
            "Åbyhøj",
            "8230 Åbyhøj",
            3,
            0.13,
            1.00,
            0.85,
            0.50,
            "Silkeborgvej|Haslevej|Ludvig Feilbergs Vej|Åby Ringvej",
        ),
        _district(
            "Trøjborg",
            "8200 Aarhus N",
            3,
            0.13,
            1.02,
            0.88,
            0.90,
            "Tordenskjoldsgade|Niels Juels Gade|Aldersrovej|Kirkegårdsvej",
        ),
        _district(
            "Midtbyen",
            "8000 Aarhus C",
            4,
            0.12,
            1.08,
            0.88,
            0.95,
            "Mejlgade|Klostergade|Frederiks Allé|Åboulevarden|Nørre Allé",
        ),
        _district(
            "Tranbjerg",
            "8310 Tranbjerg J",
            3,
            0.09,
            1.08,
            0.92,
            0.15,
            "Orholt Allé|Jegstrupvej|Landevejen|Østerby Allé",
        ),
        _district(
            "Risskov",
            "8240 Risskov",
            4,
            0.05,
            1.38,
            0.95,
            0.20,
            "Rolighedsvej|Nordre Strandvej|Tingvej|Skolevangs Allé",
        ),
    ),
    floors=tuple(f"{floor} {side}" for floor in ("st.", "1.", "2.", "3.", "4.") for side in ("th", "tv", "mf")),
    kroner=1.0,
)

NORWAY = Country(
    native=_NORWEGIAN,
    immigrant=_IMMIGRANT,
    districts=(
        _district(
            "Stovner",
            "0982 Oslo",
            3,
            0.34,
            0.86,
            0.40,
            0.75,
            "Fossumveien|Karl Fossums vei|Stovnerlia|Tante Ulrikkes vei",
        ),
        _district(
            "Furuset",
            "1053 Oslo",
            3,
            0.31,
            0.88,
            0.40,
            0.75,
            "Granstangen|Ulsholtveien|Gransdalen|Maria Dehlis vei",
        ),
        _district(
            "Grønland",
            "0188 Oslo",
            2,
            0.38,
            0.88,
            0.40,
            0.98,
            "Grønlandsleiret|Tøyengata|Motzfeldts gate|Urtegata",
        ),
        _district(
            "Mortensrud",
            "1283 Oslo",
            3,
            0.27,
            0.92,
            0.45,
            0.60,
            "Lofsrudveien|Mortensrudveien|Helga Vaneks vei",
        ),
        _district(
            "Grünerløkka",
            "0555 Oslo",
            4,
            0.14,
            1.02,
            0.80,
            0.97,
            "Markveien|Thorvald Meyers gate|Toftes gate",
        ),
        _district("Sagene", "0468 Oslo", 3, 0.14, 1.02, 0.82, 0.95, "Bentsebrugata|Arendalsgata|Maridalsveien"),
        _district(
            "Nordstrand",
            "1163 Oslo",
            4,
            0.06,
            1.25,
            0.92,
            0.25,
            "Nordstrandveien|Solveien|Ekebergveien|Sæterveien",
        ),
        _district(
            "Frogner",
            "0264 Oslo",
            3,
            0.07,
            1.35,
            0.88,
            0.95,
            "Bygdøy allé|Frognerveien|Gimleveien|Løvenskiolds gate",
        ),
        _district("Vestre Aker", "0370 Oslo", 4, 0.04, 1.50, 0.93, 0.20, "Slemdalsveien|Holmenkollveien|Dagaliveien"),
    ),
    floors=tuple(f"H0{floor}0{door}" for floor in range(1, 6) for door in range(1, 5)),
    kroner=1.25,
)

COUNTRIES = {"dk": DENMARK, "no": NORWAY}
