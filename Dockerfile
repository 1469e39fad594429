# The server with its browser client. docs/deploying.md says how it is run.
#
#   docker build -t monstera .
#   docker run --read-only --tmpfs /tmp -v monstera-data:/data -p 127.0.0.1:8080:8080 monstera
#
# The same sources give the same image, save for security updates of SQLite:
#   SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) docker buildx build --output type=image,name=monstera,rewrite-timestamp=true \
#     --build-arg REVISION=$(git rev-parse HEAD) .
# Whoever must have the very same base images gives them by digest: --build-arg RUNTIME_IMAGE=mcr.microsoft.com/dotnet/aspnet@sha256:…

ARG NODE_IMAGE=docker.io/library/node:24.11.1-bookworm-slim
ARG SDK_IMAGE=mcr.microsoft.com/dotnet/sdk:10.0.401-noble
# What the server runs on: .NET, its libraries, time zones and certificates; no shell and no package manager.
ARG RUNTIME_IMAGE=mcr.microsoft.com/dotnet/aspnet:10.0.12-noble-chiseled-extra
# The same distribution with a package manager, for its SQLite.
ARG PACKAGES_IMAGE=mcr.microsoft.com/dotnet/runtime-deps:10.0.12-noble


# 1. The browser client: files for any machine.
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS client
WORKDIR /src/Monstera.Web
COPY Monstera.Web/package.json Monstera.Web/package-lock.json Monstera.Web/.npmrc ./
RUN npm ci
COPY Monstera.Web ./
RUN npm run build


# 2. The server, compiled on the building machine for the machine it is to run on.
FROM --platform=$BUILDPLATFORM ${SDK_IMAGE} AS build
ARG TARGETARCH
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
WORKDIR /src
COPY Directory.Build.props Directory.Packages.props global.json .editorconfig BannedSymbols.txt ./
COPY Monstera.Data/Monstera.Data.csproj Monstera.Data/
COPY Monstera.Server/Monstera.Server.csproj Monstera.Server/WebClient.targets Monstera.Server/
RUN dotnet restore Monstera.Server ${TARGETARCH:+--arch $TARGETARCH}
COPY Monstera.Data Monstera.Data
COPY Monstera.Server Monstera.Server
COPY --from=client /src/Monstera.Server/wwwroot Monstera.Server/wwwroot
ARG REVISION=""
ARG SOURCE_DATE_EPOCH=0
# The analyzers have had their say in the tests.
RUN dotnet publish Monstera.Server --no-restore -c Release -o /out/app ${TARGETARCH:+--arch $TARGETARCH} --self-contained false \
      -p:UseAppHost=false -p:BuildWebClient=false -p:RunAnalyzers=false -p:PublishDocumentationFiles=false \
      -p:ContinuousIntegrationBuild=true -p:SourceRevisionId="$REVISION" \
 && mkdir --parents --mode=0700 /out/volumes/data /out/volumes/backups \
 && find /out -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +


# 3. SQLite as the distribution keeps it, with its security updates: the server prefers it to the older one of its package. Scanners find its version in status.d.
FROM ${PACKAGES_IMAGE} AS sqlite
ARG SOURCE_DATE_EPOCH=0
RUN apt-get update \
 && apt-get install -y --no-install-recommends libsqlite3-0 \
 && mkdir -p /out/var/lib/dpkg/status.d \
 && dpkg-query --status libsqlite3-0 > /out/var/lib/dpkg/status.d/libsqlite3-0 \
 && cp --dereference --parents /usr/lib/*-linux-gnu/libsqlite3.so.0 /usr/share/doc/libsqlite3-0/copyright /out \
 && find /out -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +


# 4. What runs.
FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=""
LABEL org.opencontainers.image.title="Monstera" \
      org.opencontainers.image.description="Chat that never loses, repeats or reorders a message" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.documentation="docs/deploying.md" \
      org.opencontainers.image.base.name="mcr.microsoft.com/dotnet/aspnet:10.0.12-noble-chiseled-extra"

COPY --from=sqlite /out/ /
# Nobody but root may change the program, and root is not here.
COPY --from=build /out/app /app
# A new volume takes over whose it is: nobody else's.
COPY --from=build --chown=1654:1654 /out/volumes/ /

ENV ASPNETCORE_HTTP_PORTS=8080 \
    Logging__Console__FormatterName=json \
    Monstera__DataFolder=/data
USER 1654:1654
WORKDIR /data
VOLUME /data
EXPOSE 8080
# It drains: give it a minute.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["dotnet", "/app/monstera.dll", "health"]
ENTRYPOINT ["dotnet", "/app/monstera.dll"]
