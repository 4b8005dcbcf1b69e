# All images at once: `docker buildx bake -f docker-bake.hcl`; with attestations, for a registry: the same with `release --push`.
variable "REGISTRY" { default = "quadrille" }
variable "VERSION" { default = "0.1.0" }
variable "REVISION" { default = "unknown" }

group "default" { targets = ["image"] }

target "image" {
  name   = service
  matrix = { service = ["extractor", "transformer", "enricher", "loader", "replay", "cli"] }
  target = service
  args   = { VERSION = VERSION, REVISION = REVISION }
  tags   = ["${REGISTRY}/${service}:${VERSION}"]
}

group "release" { targets = ["multi"] }

# For both processors, with a bill of materials and provenance beside each image. Needs a builder of the kind
# `docker-container`: `docker buildx create --use`.
target "multi" {
  name      = "${service}-release"
  matrix    = { service = ["extractor", "transformer", "enricher", "loader", "replay", "cli"] }
  inherits  = [service]
  platforms = ["linux/amd64", "linux/arm64"]
  attest    = ["type=sbom", "type=provenance,mode=max"]
}
