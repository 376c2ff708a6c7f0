//! Health, reflection and stopping, as clients see them.

use std::time::Instant;

use futures::StreamExt;
use tokio::task::JoinHandle;
use tonic::transport::Channel;
use tonic_health::pb::health_check_response::ServingStatus as Health;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{FILE_DESCRIPTOR_SET, HealthCheckRequest};
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::*;

const SERVICE: &str = "weft.test.v1.Test";

async fn start(readiness: Readiness, shutdown: Shutdown) -> (Channel, JoinHandle<Result<(), GrpcError>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Routes::default();
    let served = serve_with_readiness(listener, routes, FILE_DESCRIPTOR_SET, SERVICE, readiness, shutdown);
    let task = tokio::spawn(served);
    (Channel::from_shared(url).unwrap().connect().await.unwrap(), task)
}

fn request() -> HealthCheckRequest {
    HealthCheckRequest { service: SERVICE.to_owned() }
}

#[tokio::test]
async fn health_follows_readiness_and_ends_with_the_server() {
    let (readiness, shutdown) = (Readiness::new(&["store"]), Shutdown::new());
    let (channel, task) = start(readiness.clone(), shutdown.clone()).await;
    let mut watch = HealthClient::new(channel).watch(request()).await.unwrap().into_inner();
    let mut next = async || watch.next().await.map(|message| message.map(|message| message.status()));
    assert_eq!(next().await.unwrap().unwrap(), Health::NotServing);
    readiness.set("store");
    assert_eq!(next().await.unwrap().unwrap(), Health::Serving);
    let asked = Instant::now();
    shutdown.trigger();
    assert_eq!(next().await.unwrap().unwrap(), Health::NotServing);
    // The subscription has no end of its own: it is cut, and nothing is left behind.
    assert!(next().await.is_none_or(|message| message.is_err()));
    task.await.unwrap().unwrap();
    let took = asked.elapsed();
    assert!(took >= DRAIN && took < DRAIN + CUT, "{took:?}");
}

#[tokio::test]
async fn an_idle_server_stops_at_once() {
    let shutdown = Shutdown::new();
    let (channel, task) = start(Readiness::default(), shutdown.clone()).await;
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap();
    let asked = Instant::now();
    shutdown.trigger();
    task.await.unwrap().unwrap();
    assert!(asked.elapsed() < DRAIN / 2, "{:?}", asked.elapsed());
}

#[tokio::test]
async fn reflection_lists_what_is_served() {
    let shutdown = Shutdown::new();
    let (channel, _task) = start(Readiness::default(), shutdown.clone()).await;
    let list = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let requests = futures::stream::iter([request]);
    let mut answers = ServerReflectionClient::new(channel).server_reflection_info(requests).await.unwrap().into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(services) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = services.service.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, [SERVICE, HEALTH]);
    shutdown.trigger();
}
