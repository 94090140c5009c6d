def model_card(resolved_yaml, results):
    return ""
