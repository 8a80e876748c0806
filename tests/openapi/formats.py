"""Strings of the formats that the API's description names, for Schemathesis to send."""

import schemathesis
from hypothesis import strategies as st

# Names that RFC 6761 keeps from being anybody's: nothing that is sent here leaves the machine.
HOST = st.from_regex(r"[a-z][a-z0-9]{0,20}(\.[a-z]{1,10})?\.invalid", fullmatch=True)
PATHS = {
    "http": st.from_regex(r"(/[a-zA-Z0-9_~-]{1,12}){0,3}", fullmatch=True),
    # An app and the name of a stream.
    "rtmp": st.from_regex(r"(/[a-zA-Z0-9_~-]{1,12}){2,3}", fullmatch=True),
}
PORT = st.sampled_from(["", ":1", ":8080", ":65535"])


def urls(scheme):
    schemes = st.sampled_from([scheme, scheme + "s"])
    return st.builds("{}://{}{}{}".format, schemes, HOST, PORT, PATHS[scheme])


for scheme in PATHS:
    schemathesis.openapi.format(scheme + "-url", urls(scheme))
