ARG BUILD_IMAGE=golang:1.26.8-bookworm@sha256:a688600ca24f8a4d3ca77f95b0dd40704a9fc787c826660eb7ba0b641b8b175d

FROM --platform=${BUILDPLATFORM} ${BUILD_IMAGE} AS build
WORKDIR /src
ENV CGO_ENABLED=0 GOTOOLCHAIN=local
# The module proxy, for builds behind a mirror; empty: Go's default.
ARG GOPROXY
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The build's own time and place do not go into the binary: the same source and arguments give the same bytes.
# The binary contains time zones (timetzdata), because the image has none.
ARG TARGETOS
ARG TARGETARCH
ARG VERSION=dev
ARG REVISION=unknown
ARG BRANCH=
ARG BUILD_USER=
ARG BUILD_DATE=
RUN pkg=github.com/prometheus/common/version && \
    GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath -buildvcs=false -tags timetzdata -ldflags "-s -w \
      -X ${pkg}.Version=${VERSION} \
      -X ${pkg}.Revision=${REVISION} \
      -X ${pkg}.Branch=${BRANCH} \
      -X ${pkg}.BuildUser=${BUILD_USER} \
      -X ${pkg}.BuildDate=${BUILD_DATE}" \
      -o /out/revox_exporter . && \
    go run ./internal/licences >/out/THIRD_PARTY_LICENCES

FROM scratch
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="revox_exporter" \
      org.opencontainers.image.description="Prometheus exporter for Revox voice campaigns" \
      org.opencontainers.image.source="https://github.com/revox-exporter/revox_exporter" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/revox_exporter /bin/revox_exporter
COPY --from=build /out/THIRD_PARTY_LICENCES /
COPY LICENSE /
USER 65532:65532
EXPOSE 10210
# It uses the address in REVOX_EXPORTER_WEB_LISTEN_ADDRESS, else port 10210.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/bin/revox_exporter", "healthcheck"]
ENTRYPOINT ["/bin/revox_exporter"]
