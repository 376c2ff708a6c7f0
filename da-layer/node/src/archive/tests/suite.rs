//! One suite over both object stores.

use super::s3::{BUCKET, KEY, S3Server, SECRET};
use super::*;
use crate::archive::{ArchiveError, Listed, object, open};

async fn suite(objects: Arc<dyn ObjectStore>) {
    let store = memory();
    let chain = fill(&*store, 5);
    let archive = archive(&objects, &store);
    assert_eq!((archive.tip().await.unwrap(), archive.list(1).await.unwrap()), (0, vec![]));
    let (first, block) = &chain[0];
    assert!(!archive.holds(first).await.unwrap());
    let hash = first.header.hash();
    let missing = archive.get(1, hash, object::length(first)).await;
    assert!(matches!(missing, Err(ArchiveError::Missing { height: 1 })), "{missing:?}");

    upload_all(&archive, &store).await;
    assert!(archive.holds(first).await.unwrap());
    assert_eq!(archive.tip().await.unwrap(), 5);
    let listed = archive.list(1).await.unwrap();
    assert_eq!(listed.iter().map(|listed| listed.height).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(listed[0], Listed { height: 1, hash, length: object::length(first) });
    let bytes = archive.get(1, hash, object::length(first)).await.unwrap();
    assert_eq!(object::open(1, hash, &bytes).unwrap(), (*first, block.clone()));
    let entry = block.index().entries()[1];
    let blob = archive.blob(1, hash, &entry).await.unwrap();
    assert_eq!(blob, entry.open(block.rows().payload()).unwrap());
    // The same block again changes nothing.
    archive.put(first, block.rows().originals().to_vec()).await.unwrap();
    assert_eq!(archive.list(1).await.unwrap(), listed);

    // A lost disk comes back byte for byte, cut off wherever.
    for writes in 0..=10 {
        let folder = tempfile::tempdir().unwrap();
        let new: Arc<dyn Store> = Arc::new(RocksStore::open(folder.path()).unwrap());
        let half = cut(&new, writes);
        let first_try = restore(&half, &super::archive(&objects, &half)).await;
        assert_eq!(first_try.is_ok(), writes == 10, "two writes a block");
        let progress = restore(&new, &super::archive(&objects, &new)).await.unwrap();
        assert_eq!((progress.height, progress.target), (5, 5));
        assert_same(&*new, &chain);
        assert_eq!(new.archived().unwrap(), 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder() {
    let folder = tempfile::tempdir().unwrap();
    suite(open::open(&config(&format!("file://{}/deep/archive", folder.path().display()))).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_server() {
    let server = S3Server::start().await;
    let s3 = config("s3://weft/");
    suite(open::over_s3(server.client(), BUCKET, "", &s3).unwrap()).await;
    // Two archives in one bucket do not see each other.
    suite(open::over_s3(server.client(), BUCKET, "some/prefix/", &s3).unwrap()).await;

    let wrong = open::over_s3(server.client().with_secret_access_key("wrong"), BUCKET, "", &s3).unwrap();
    let error = archive(&wrong, &memory()).tip().await.unwrap_err();
    assert!(matches!(error, ArchiveError::Store { .. }), "{error}");
}

/// Runs in a process of its own, which the test below starts with an environment.
#[tokio::test]
#[ignore = "needs the environment that the next test sets"]
async fn with_the_environment_of_a_process() {
    let archive = Archive::open(config("s3://weft/from/environment"), memory()).unwrap();
    assert_eq!(archive.tip().await.unwrap(), 0);
    let chain = fill(&*memory(), 1);
    archive.put(&chain[0].0, chain[0].1.rows().originals().to_vec()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_the_environment() {
    let server = S3Server::start().await;
    let child = |secret: &'static str| {
        let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
        let name = "archive::tests::suite::with_the_environment_of_a_process";
        command.args(["--exact", "--ignored", name]).env("AWS_ENDPOINT_URL", format!("http://{}", server.address));
        command.env("AWS_ALLOW_HTTP", "true").env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", secret);
        async move { command.output().await.unwrap() }
    };
    let output = child(SECRET).await;
    assert!(output.status.success(), "{output:?}");
    assert!(!child("wrong").await.status.success());
    let settings = config("s3://weft/");
    let there = open::over_s3(server.client(), BUCKET, "from/environment", &settings).unwrap();
    assert_eq!(archive(&there, &memory()).tip().await.unwrap(), 1);
}

#[test]
fn addresses_are_checked_and_show_no_secret() {
    let refused = |url: &str| open::open(&config(url)).map(drop).unwrap_err().to_string();
    for url in ["s3://key:secret@bucket/prefix", "s3://bucket?secret=1", "file:///tmp#secret"] {
        let error = refused(url);
        assert!(error.contains("environment") && !error.contains("secret"), "{error}");
    }
    for url in ["", "bucket", "https://bucket.s3.amazonaws.com/", "s3://", "s3:///prefix", "file://relative"] {
        assert!(refused(url).contains("archive.url"), "{url}");
    }
}
