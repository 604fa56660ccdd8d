import hmac

from hypothesis import given
from hypothesis import strategies as st

from serving.log.keyed import BLOCK_BYTES, keyed_digest


@given(key=st.binary(min_size=1, max_size=3 * BLOCK_BYTES), text=st.binary(max_size=5000))
def test_it_is_hmac_sha_256(key: bytes, text: bytes) -> None:
    assert keyed_digest(key, text) == hmac.digest(key, text, "sha256")
