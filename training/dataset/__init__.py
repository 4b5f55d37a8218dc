"""Training files of people: read whatever their format, checked, split, converted and written again."""
