"""The tutorial stack: BentoML's own API, Feast's own read as a frame, and MLflow's own model. Plain scoring."""

import os

import bentoml
import mlflow
from feast import FeatureStore

from features.store.configuration import configure


@bentoml.service(name="tutorial", workers=1)
class Tutorial:
    """One worker, as the tutorials of the three libraries put it together."""

    def __init__(self) -> None:
        given = os.environ
        self.store = FeatureStore(config=configure(given["PROJECT"], given["REGISTRY"], given["ONLINE"]))
        self.model = mlflow.catboost.load_model(given["MODEL"])
        self.names = self.model.feature_names_
        self.features = [f"{view}:{name}" for view, name in zip(given["VIEWS"].split(","), self.names, strict=True)]

    @bentoml.api  # type: ignore[untyped-decorator]
    def score(self, entity_id: int) -> dict[str, float]:
        """The probability of one customer."""
        rows = [{os.environ["KEY"]: entity_id}]
        frame = self.store.get_online_features(features=self.features, entity_rows=rows).to_df()
        return {"probability": float(self.model.predict_proba(frame[self.names])[0, 1])}
