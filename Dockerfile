# docker build --build-arg VERSION=v0.1.0 -t tailrace .
# docker run --read-only -v ./pipelines:/etc/tailrace:ro tailrace
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -buildvcs=false \
    -ldflags "-s -w -X main.version=$VERSION" -o /tailrace ./cmd/tailrace

# Certificates of public authorities, time zones, a user without rights; no shell, and nothing that writes to a disk.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /tailrace /usr/local/bin/tailrace
USER 65532:65532
EXPOSE 9187
ENTRYPOINT ["/usr/local/bin/tailrace"]
CMD ["run", "/etc/tailrace"]
