"""What the registered model is called."""

MODEL, ALIAS = "ridgeline", "champion"
