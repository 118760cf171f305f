"""An OpenAI-compatible model as the reader: its prompts, what it may cost, and what counts as an answer."""
