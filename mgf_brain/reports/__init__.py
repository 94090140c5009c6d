"""What a person looks at: pages, plots, tables, of any run."""
