//! Compiles the protocol files with protox; nobody needs protoc. The code stays in the build folder.

use std::error::Error;
use std::path::PathBuf;

use prost::Message;

const FILES: [&str; 7] = [
    "weft/common/v1/common.proto",
    "weft/sequencer/v1/sequencer.proto",
    "weft/da/v1/da.proto",
    "weft/da/v1/custody.proto",
    "weft/light/v1/light.proto",
    "weft/settlement/v1/settlement.proto",
    "weft/settlement/v1/mirror.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=../weft");
    let descriptors = protox::compile(FILES, [".."])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
