"""Where records and accounts are kept: one Protocol, one implementation per database."""
