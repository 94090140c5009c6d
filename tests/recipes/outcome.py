"""How a recipe that was run as a user runs it has ended."""

import json
import math

from mgf_brain.metrics.names import metric_of


def finished(done, out, *names):
    """The results of a run that went well, with these scores, all of them possible."""
    assert done.status == 0, done.err
    found = json.loads((out / "results.json").read_text())
    metrics = found["metrics"]
    assert set(names) <= set(metrics)
    for name, value in metrics.items():
        if name != "folds":
            assert math.isfinite(value), name
            if name.startswith("min_dcf"):
                assert 0 <= value <= 1, name
            elif metric_of(name).unit == " %":  # of words, more may be wrong than there are
                assert 0 <= value and (value <= 100 or name[1:3] == "er"), name
    assert "<h2>Results</h2>" in (out / "report" / "index.html").read_text(encoding="utf-8")
    assert (out / "hyperparams.yaml").is_file()
    return found


def refused(done, message):
    """It ended with status 2, and one line that says why."""
    assert done.status == 2
    assert done.err.splitlines()[-1].startswith("error:") and message in done.err.splitlines()[-1]
    assert "Traceback" not in done.err.split("error:")[-1]
