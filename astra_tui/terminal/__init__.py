"""The line to the terminal: what the app wants shown, what is shown, and the least that is sent.

`style` and `cells` are values; `screen` keeps the two pictures; `parser` reads what Textual
writes; `encoder` writes the difference; `line` sends it when the terminal takes it; `driver` is
the Textual driver made of these.
"""
