"""What objectives are made of: contrast, quantisers, teachers, prototypes, references."""
