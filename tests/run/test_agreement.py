"""Values that do not go together."""

import pytest

from mgf_brain.errors import UserError
from mgf_brain.run.agreement import check_agreement


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"precision": "fp16", "device": "cpu"}, "precision: fp16 needs CUDA"),
        ({"eval_precision": "fp16", "device": "cpu"}, "eval_precision: fp16 needs CUDA"),
        ({"batch_seconds": 2.0, "longest_crop": 4.0}, "batch_seconds: 2.0 .* longest_crop, 4.0"),
        ({"batch_seconds": 1, "chunk_seconds": 3.0}, "batch_seconds: 1 .* chunk_seconds, 3.0"),
        ({"encoder": {"dim": 10, "heads": 4}}, "encoder: 4 heads do not divide its dim, 10"),
    ],
)
def test_what_does_not_go_together_is_refused(values, message):
    with pytest.raises(UserError, match=message):
        check_agreement(values)


@pytest.mark.parametrize(
    "values",
    [
        {"precision": "fp16", "device": "cuda:1"},
        {"batch_seconds": 4.0, "longest_crop": 4.0},
        {"batch_seconds": {"!apply:math.sqrt": [4]}, "longest_crop": 4.0},
        {"encoder": {"dim": 12, "heads": 4}},
        {},
    ],
)
def test_all_else_passes(values):
    check_agreement(values)
