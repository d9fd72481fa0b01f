"""How well what people show is read from recordings, where its intensity is known."""
