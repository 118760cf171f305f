"""An OpenAI-compatible model as the reader of cards: its prompts, its budget, and the check of its answers."""
