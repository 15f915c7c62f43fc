"""The small runs that are played over and over."""

from dataclasses import dataclass, field

from engine.migration.services import SMALL
from engine.model import Evidence, MoveKind
from tests.fake_s3 import Quirks

PART = 400 * 1024
TINY = 700


BLIND = Quirks(
    ignores_if_none_match=True,
    ignores_put_if_match=True,
    ignores_get_if_match=True,
    ignores_delete_if_match=True,
)


@dataclass(frozen=True, slots=True)
class Scene:
    """One object on its way. `source` and `destination` are `s3` or `local`; with `same_server`
    both are buckets of one S3 server.

    `part` is the destination's part size (0: its own); it uploads in parts from two parts on.
    `source_part` gives the source a multipart ETag. `there` lies at the destination before.
    `cold`: the stores are new, so that the canaries which find out what a server honours are
    requests of the run.
    """

    name: str
    key: str = "dir/object"
    size: int = TINY
    source: str = "s3"
    destination: str = "s3"
    kind: MoveKind = MoveKind.MOVE
    part: int = 0
    source_part: int = 0
    there: str = ""  # "": nothing, "other" or "same" bytes
    overwrite: bool = False
    strict: bool = False
    to_class: str = ""
    verify: Evidence = Evidence.REREAD
    checksum: str = "md5"
    compress: str = ""
    source_quirks: Quirks = field(default_factory=Quirks)
    destination_quirks: Quirks = field(default_factory=Quirks)
    same_server: bool = False
    cold: bool = False

    @property
    def blind(self) -> frozenset[str]:
        """Sides that are known to ignore conditions."""
        sides = (("src", self.source_quirks), ("dst", self.destination_quirks))
        return frozenset(
            name
            for name, quirks in sides
            if quirks.ignores_delete_if_match
            or quirks.ignores_if_none_match
            or quirks.ignores_put_if_match
        )


SCENES = {
    scene.name: scene
    for scene in (
        Scene("tiny", cold=True),
        Scene("empty", size=0),
        Scene("streamed", size=SMALL + 17),
        Scene("parts", size=PART * 3 - 5, part=PART),
        Scene("parts-of-parts", size=PART * 2 + 9, part=PART, source_part=PART // 2),
        Scene("overwrite", there="other", overwrite=True),
        Scene("overwrite-parts", size=PART * 3 - 5, part=PART, there="other", overwrite=True),
        Scene("occupied", there="other"),
        Scene("twin", there="same"),
        Scene("copy", kind=MoveKind.COPY),
        Scene("copy-parts", kind=MoveKind.COPY, size=PART * 3 - 5, part=PART),
        Scene("tier", kind=MoveKind.TIER, to_class="STANDARD_IA"),
        Scene("attested", verify=Evidence.ATTESTED),
        Scene("compressed", compress="zstd:1"),
        Scene("compressed-parts", compress="zstd:1", size=SMALL + PART, part=PART),
        Scene("compressed-attested", compress="zstd:1", verify=Evidence.ATTESTED),
        Scene("strict", strict=True, size=PART * 2, source_part=PART),
        Scene("one-server", same_server=True),
        Scene("one-server-parts", same_server=True, size=PART * 3 - 5, part=PART),
        Scene("to-disk", destination="local"),
        Scene("to-disk-streamed", destination="local", size=SMALL + 17),
        Scene("to-disk-parts", destination="local", size=PART * 3 - 5, part=PART),
        Scene("from-disk", source="local"),
        Scene("from-disk-streamed", source="local", size=SMALL + 17),
        Scene("from-disk-parts", source="local", size=PART * 3 - 5, part=PART),
        Scene("disks", source="local", destination="local"),
        Scene("disks-parts", source="local", destination="local", size=PART * 3 - 5, part=PART),
        Scene("unguarded", source_quirks=BLIND, cold=True),
        Scene("blind", destination_quirks=BLIND, cold=True),
        Scene("blind-parts", destination_quirks=BLIND, size=PART * 3 - 5, part=PART),
    )
}
