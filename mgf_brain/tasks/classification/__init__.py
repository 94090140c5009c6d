"""Classes of whole utterances, fold by fold: emotion, dementia, sex, age."""
