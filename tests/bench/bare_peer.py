"""The peer of start-up: one boto3 client and 20 pydantic models of five fields, and nothing else."""

import boto3
from pydantic import BaseModel


def model() -> type[BaseModel]:
    """One more model."""

    class Model(BaseModel):
        id: str
        amount: int
        currency: str
        live: bool = False
        note: str | None = None

    return Model


client = boto3.client("dynamodb")
models = [model() for _ in range(20)]
