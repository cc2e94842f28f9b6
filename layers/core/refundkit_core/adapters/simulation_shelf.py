"""Rows of simulations on S3: a part for each chunk, and one file of each simulation that is completed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from refundkit_core.application.simulation_ports import Simulation

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

FOLDER: Final = "simulations/"
_SMALLEST_PIECE: Final = 5 * 1024 * 1024
"""S3 takes no smaller piece of an upload but the last."""
_TYPE: Final = "text/csv; charset=utf-8"


class S3SimulationShelf:
    """``SimulationShelf`` on one bucket. ``signing`` signs URLs in version 4, which new buckets insist on."""

    def __init__(self, client: Callable[[], S3Client], signing: Callable[[], S3Client], bucket: str) -> None:
        self._client = client
        self._signing = signing
        self._bucket = bucket

    def put_part(self, simulation: Simulation, rows: str) -> None:
        self._put(_part_name(simulation, simulation.chunk), rows.encode())

    def complete(self, simulation: Simulation, header: str, rows: str | None) -> None:
        if rows is not None:
            self._put(_name(simulation), f"{header}{rows}".encode())
            return
        pieces = self._pieces(simulation, header.encode())
        first = next(pieces)
        second = next(pieces, None)
        if second is None:
            self._put(_name(simulation), first)
            return
        self._upload(_name(simulation), chain((first, second), pieces))

    def url(self, simulation: Simulation, seconds: int) -> str:
        return self._signing().generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": _name(simulation),
                "ResponseContentDisposition": f'attachment; filename="{simulation.id}.csv"',
            },
            ExpiresIn=seconds,
        )

    def _put(self, name: str, body: bytes) -> None:
        self._client().put_object(Bucket=self._bucket, Key=name, Body=body, ContentType=_TYPE)

    def _pieces(self, simulation: Simulation, header: bytes) -> Iterator[bytes]:
        """The header and all parts in pieces that an upload takes; never more than one of them in memory."""
        piece = bytearray(header)
        for number in range(simulation.chunk):
            answer = self._client().get_object(Bucket=self._bucket, Key=_part_name(simulation, number))
            piece += answer["Body"].read()
            if len(piece) >= _SMALLEST_PIECE:
                yield bytes(piece)
                piece.clear()
        if piece:
            yield bytes(piece)

    def _upload(self, name: str, pieces: Iterable[bytes]) -> None:
        """One object of many pieces. What is left of an upload that died is removed by the bucket's lifecycle."""
        client = self._client()
        at: dict[str, Any] = {"Bucket": self._bucket, "Key": name}
        upload = client.create_multipart_upload(**at, ContentType=_TYPE)["UploadId"]
        sent: list[Any] = []
        for number, piece in enumerate(pieces, start=1):
            tag = client.upload_part(**at, UploadId=upload, PartNumber=number, Body=piece)["ETag"]
            sent.append({"PartNumber": number, "ETag": tag})
        client.complete_multipart_upload(**at, UploadId=upload, MultipartUpload={"Parts": sent})


def _folder(simulation: Simulation) -> str:
    tenant = simulation.tenant
    return f"{FOLDER}{tenant.org_id}/{tenant.environment}/{simulation.id}"


def _name(simulation: Simulation) -> str:
    return f"{_folder(simulation)}.csv"


def _part_name(simulation: Simulation, number: int) -> str:
    return f"{_folder(simulation)}/part-{number:06d}.csv"
