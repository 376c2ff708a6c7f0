"""Weft's gRPC code for Python, made from the protocol files when it is first imported."""

import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[2]

with tempfile.TemporaryDirectory() as folder:
    files = [str(path.relative_to(PROTO)) for path in PROTO.glob("weft/*/v1/*.proto")]
    options = [f"--proto_path={PROTO}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    if protoc.main(["protoc", *options, *files]) != 0:
        raise ImportError("the protocol files do not compile")
    sys.path.insert(0, folder)
    from weft.da.v1 import da_pb2, da_pb2_grpc
    from weft.sequencer.v1 import sequencer_pb2, sequencer_pb2_grpc

    sys.path.remove(folder)

__all__ = ["da_pb2", "da_pb2_grpc", "sequencer_pb2", "sequencer_pb2_grpc"]
