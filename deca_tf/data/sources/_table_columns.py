"""Which column of a table holds what: named by the user, else found where its name is plain."""

import re

from deca_tf._checks import did_you_mean
from deca_tf.data import schema

REQUIRED = (schema.USER_ID, schema.ITEM_ID)
WEIGHT = schema.WEIGHT
# Lower case, without separators: `User-ID`, `user_id:token` and `userId` are all "userid". A name
# of an earlier group wins over one of a later group; two of one group are refused, because neither
# is plainer.
COMMON_NAMES = {
    schema.USER_ID: (
        ("userid",),
        ("user", "uid", "rawuserid"),
        (
            *("customerid", "visitorid", "personid", "memberid", "accountid", "clientid"),
            *("reviewerid", "shopperid", "buyerid", "readerid", "listenerid", "viewerid"),
            *("subscriberid", "playerid"),
        ),
        (
            *("customer", "visitor", "person", "member", "account", "client", "reviewer"),
            *("shopper", "buyer", "reader", "listener", "viewer", "subscriber", "player"),
            "username",
        ),
    ),
    schema.ITEM_ID: (
        ("itemid",),
        ("item", "iid", "rawitemid"),
        (
            *("productid", "contentid", "movieid", "filmid", "articleid", "newsid", "bookid"),
            *("trackid", "songid", "albumid", "artistid", "videoid", "gameid", "appid", "animeid"),
            *("recipeid", "businessid", "venueid", "placeid", "poiid", "courseid", "jobid"),
            *("postid", "pageid", "showid", "episodeid", "podcastid", "listingid", "documentid"),
            *("docid", "sku", "skuid", "stockcode", "asin", "isbn", "ean", "upc", "gtin"),
        ),
        (
            *("product", "content", "movie", "film", "article", "news", "book", "track", "song"),
            *("album", "artist", "video", "game", "app", "anime", "recipe", "business", "venue"),
            *("place", "course", "job", "post", "page", "show", "episode", "podcast", "listing"),
            *("document", "isbn13", "url", "pageurl"),
        ),
    ),
    schema.RATING: (
        ("rating", "ratings"),
        ("stars", "userrating", "starrating", "bookrating", "overall"),
    ),
    schema.DWELL: (("dwell", "dwelltime", "dwellseconds", "readingtime"),),
    schema.TIMESTAMP: (
        ("timestamp",),
        (
            *("datetime", "eventtime", "eventtimestamp", "eventdatetime", "unixtime", "ts"),
            *("unixtimestamp", "unixreviewtime", "utctimestamp", "createdat", "clickedat"),
            *("viewedat", "occurredat"),
        ),
        ("time", "date"),  # side by side they are halves: a day and a time of day
        (
            *("reviewtime", "reviewdate", "eventdate", "purchasedate", "orderdate", "invoicedate"),
            *("clicktime", "visittime", "created"),
        ),
    ),
    schema.IS_NOISY: (("isnoisy",),),
    schema.WEIGHT: (),  # never guessed: it changes what is learned
}
ROLES = tuple(COMMON_NAMES)
OPTION = {
    schema.USER_ID: "user_column",
    schema.ITEM_ID: "item_column",
    **{role: f"{role}_column" for role in ROLES if role not in REQUIRED},
}
_SAID = {
    schema.USER_ID: "users",
    schema.ITEM_ID: "items",
    schema.RATING: "ratings",
    schema.DWELL: "dwell times",
    schema.TIMESTAMP: "times",
    schema.IS_NOISY: "the truth about each click",
    schema.WEIGHT: "weights",
}
_SHOWN = 20  # columns listed in an error
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def choose(names, given, lacks_header):
    """Which of a table's columns holds what.

    Args:
        names: of the columns, in order.
        given: `{role: name}`; None: found by its common names if there; "": not read.
        lacks_header: called where a column is not found, for what to do if the names are data; ""
            if they are not.

    Returns:
        `{role: name}`, such as `{"user_id": "userId", ...}`.

    Raises:
        ValueError: a column that is not there, two that may be meant, one named for two purposes,
            or none for users or items.
    """
    columns = {}
    for role in REQUIRED:
        columns[role] = _choose_one(role, names, given, lacks_header)
    missing = [role for role in REQUIRED if columns[role] is None]
    if missing:
        roles = " and one for the ".join(_SAID[role] for role in missing)
        options = " and ".join(f"`{OPTION[role]}`" for role in missing)
        raise ValueError(
            f"The table must have a column for the {roles}. Received: "
            f"columns {_listed(names)}. Name {'it' if len(missing) == 1 else 'them'} with "
            f"{options}.{_hint(missing[0], names, given, lacks_header)}"
        )
    _refuse_twins(columns)
    for role in ROLES:
        if role not in REQUIRED:
            columns[role] = _choose_one(role, names, given, lacks_header)
    columns = {role: column for role, column in columns.items() if column is not None}
    _refuse_twins(columns)
    return columns


def _choose_one(role, names, given, lacks_header):
    """The column for one role; None for none."""
    wanted, option = given[role], OPTION[role]
    if wanted == "":
        if role in REQUIRED:
            raise ValueError(
                f"`{option}` must name a column. Received: ''. The table has {_listed(names)}."
            )
        return None
    if wanted is None:
        found = _plainest(names, role, given)
    else:
        found = [name for name in names if name == wanted or str(name) == str(wanted)]
        if not found:
            raise ValueError(
                f"`{option}` must name a column of the table. Received: {option}={wanted!r}; the "
                f"table has {_listed(names)}."
                f"{lacks_header() or did_you_mean(wanted, names)}"
            )
    if len(found) > 1:
        repeated = len(set(found)) < len(found)
        none = "" if role in REQUIRED else f", or set `{option}=''` to read none"
        raise ValueError(
            f"It must be clear which column holds the {role}. Received: "
            f"{', '.join(map(repr, found))}. "
            f"{'Rename one' if repeated else f'Name one with `{option}`'}{none}."
        )
    return found[0] if found else None


def describe(table, names, columns, unit=None):
    """One line that says what is read from where.

    Args:
        table: what the table is called.
        names: of all columns.
        columns: `{role: name}` of those that are read.
        unit: what its times are.
    """
    said = [f"{_SAID[role]} from {column!r}" for role, column in columns.items()]
    if schema.TIMESTAMP in columns and unit:
        place = list(columns).index(schema.TIMESTAMP)
        said[place] += f" ({unit})"
    others = [name for name in names if name not in columns.values()]
    rest = f"; not read: {_listed(others)}" if others else ""
    return f"{table}: {', '.join(said)}{rest}."


def looks_like_data(names, rows):
    """Whether a first row is a click.

    It holds a number or a date, or what a later row holds in the same place.
    """
    cells = [str(name).strip() for name in names]
    filled = [cell for cell in cells if cell]
    if filled == [str(number) for number in range(len(filled))]:
        return False  # pandas numbers columns that have no names
    if any(_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell) for cell in filled):
        return True
    return any(
        place < len(row) and cell and row[place].strip() == cell
        for row in rows
        for place, cell in enumerate(cells)
    )


def plain(name):
    """A column name in lower case, without separators and without a `:type` behind."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower().split(":")[0])


def _plainest(names, role, given):
    """The columns whose names are the plainest for a role, of those not named for another."""
    taken = [str(name) for name in given.values()]
    for group in COMMON_NAMES[role]:
        found = [name for name in names if plain(name) in group and str(name) not in taken]
        if found:
            return found
    return []


def _refuse_twins(columns):
    roles = {}
    for role, column in columns.items():
        if column in roles:
            raise ValueError(
                f"`{OPTION[roles[column]]}` and `{OPTION[role]}` must name different columns. "
                f"Received: {column!r} for both."
            )
        roles[column] = role


def _listed(names):
    return ", ".join(repr(name) for name in names[:_SHOWN]) + (
        ", ..." if len(names) > _SHOWN else ""
    )


def _hint(role, names, given, lacks_header):
    """What may be wrong with a table in which no column for `role` was found; "" for no idea."""
    separator = next(
        (mark for mark in ("\t", ";", "|", ",") if len(names) == 1 and mark in str(names[0])), None
    )
    if separator is not None:
        called = "tab" if separator == "\t" else separator
        return (
            f" The header holds {separator!r}: if that separates the columns, set "
            f"`separator={called!r}`."
        )
    lacking = lacks_header()
    if lacking:
        return lacking
    for other, wanted in given.items():
        if wanted and any(plain(wanted) in group for group in COMMON_NAMES[role]):
            return f" {wanted!r} is taken by `{OPTION[other]}`; each must name a different column."
    return did_you_mean(role, names)
