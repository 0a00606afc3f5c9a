// A real OpenID Connect issuer on 127.0.0.1, by the certified library `oidc-provider`.
//
// usage: node issuer.mjs PORT ALGORITHM AUDIENCE
//
// It issues JWT access tokens by client credentials. The name of a client says what its tokens claim: `acme.app` gets the tenant
// `acme`, a client without a dot gets no tenant at all. Every start makes a new signing key, so a restart is a key rotation that
// leaves no overlap. Prints `ready` once it accepts connections.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

const [port, algorithm, audience] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const clients = ['acme.app', 'stranger.app', 'nobody'];

const { privateKey } = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
}[algorithm]();
const key = { ...privateKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig', kid: randomUUID() };

const provider = new Provider(issuer, {
  clients: clients.map((name) => ({
    client_id: name,
    client_secret: 'not-a-secret',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    id_token_signed_response_alg: algorithm,
  })),
  jwks: { keys: [key] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      // A JWT, as RFC 9068 describes it, is only issued for a named resource.
      defaultResource: () => 'urn:tradewind:test',
      getResourceServerInfo: () => ({
        scope: 'infer',
        audience,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: algorithm } },
      }),
    },
  },
  extraTokenClaims: (_context, token) => {
    const [tenant, application] = token.clientId.split('.');
    return application ? { tenant } : {};
  },
});

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
