"""Results for a person: the report document, its figures and its formats."""
