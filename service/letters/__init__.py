"""Letters to families: what stands in them, their templates, and the print batches made of them."""
