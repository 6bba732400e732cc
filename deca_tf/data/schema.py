"""The one spelling of every column and protocol."""

USER_ID = "user_id"
ITEM_ID = "item_id"
LABEL = "label"  # 1 observed, 0 sampled

RATING = "rating"  # stars; builds the clean test, never seen in training
DWELL = "dwell"  # seconds; the same
TIMESTAMP = "timestamp"  # seconds since 1970; orders chronological splits
IS_NOISY = "is_noisy"  # ground truth, where a data set has it; never seen in training

WEIGHT = "weight"  # how much a click counts in training, at least 0

OPTIONAL_COLUMNS = (RATING, DWELL, TIMESTAMP, IS_NOISY)  # never seen in training
COLUMNS = (USER_ID, ITEM_ID, *OPTIONAL_COLUMNS, WEIGHT)

FIRST, LAST, SUM, COUNT = "first", "last", "sum", "count"
REPEATS = (FIRST, LAST, SUM, COUNT)  # what a pair becomes that comes more than once
MERGED = {  # and what is said of it then
    FIRST: "the earliest row of each was kept",
    LAST: "the latest row of each was kept",
    SUM: "the weights of each were summed",
    COUNT: "the number of rows of each became its weight",
}

CLEAN = "clean"  # no pair in two splits
PAPER = "paper"  # the released code's splits, leaks included
TIMELINE = (
    "timeline"  # no pair in two splits, and nothing trained on that came after the test began
)
PROTOCOLS = (CLEAN, PAPER, TIMELINE)
RELEASED = (CLEAN, PAPER)  # those that the sets released with the paper have

PARTS = ("train", "validation", "test")  # of a split
