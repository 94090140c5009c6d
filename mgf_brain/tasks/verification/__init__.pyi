from .margin import AngularMarginHead as AngularMarginHead
from .pseudo_label_run import refine as refine
from .run import verify as verify
