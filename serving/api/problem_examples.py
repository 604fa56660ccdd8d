"""What a problem of each status may say, for the OpenAPI document."""

EXAMPLES = {
    400: "the body is not JSON in UTF-8, or is nested too deeply; expected one JSON object",
    401: "the key is unknown, revoked or over; expected the header Authorization: Bearer <key>",
    403: "your key may not ask this of this portfolio",
    404: "you have no such decision",
    405: "the path has not this method; see the Allow header",
    408: "the body did not arrive in time; send it at once",
    409: "the review is held by another person; expected one that is open",
    413: "the body is larger than 16384 bytes",
    415: "expected the header Content-Type: application/json",
    422: "Input should be greater than 0",
    429: "more than 100/s requests; try again in 1 s",
    431: "the headers are larger than 16384 bytes",
    500: "the service failed; nothing was decided, and a retry is safe",
    503: "the decision log cannot be written, so nothing was decided; try again",
}
