"""From rows to checked manifests: audio that can be read, speakers that are apart, a summary."""
