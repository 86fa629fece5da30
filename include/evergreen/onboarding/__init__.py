"""A new model's folder, proposed from what its lake holds."""
