"""What goes wrong in a worker, on its way back: without Ray, whose pickles are those of cloudpickle."""

import cloudpickle
import pytest
from pydantic import TypeAdapter, ValidationError

from features.lake import NoData
from features.transforms.registry import TransformError
from flows.cluster import WorkerFailed, _Failed


def returned(error: Exception) -> Exception:
    sent: _Failed = cloudpickle.loads(cloudpickle.dumps(_Failed(error, cloudpickle)))
    return sent.raised(cloudpickle)


def not_a_number() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(int).validate_python("two")
    return caught.value


class Locked(ValueError):
    """An error that cannot be sent."""

    def __reduce__(self) -> str:
        raise TypeError("cannot be pickled")


@pytest.mark.parametrize("error", [TransformError([("column", "found 'x'")]), Locked("kept"), ValueError(object())])
def test_an_error_that_does_not_travel_is_told_by_type_and_text(error: Exception) -> None:
    found = returned(error)
    assert isinstance(found, WorkerFailed)
    assert str(found) == f"a worker failed: {type(error).__qualname__}: {error}"


@pytest.mark.parametrize("error", [NoData("nothing is known"), not_a_number()])
def test_an_error_that_travels_is_raised_as_it_was(error: Exception) -> None:
    found = returned(error)
    assert (type(found), str(found)) == (type(error), str(error))
