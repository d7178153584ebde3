// A real OpenID Connect provider, with its own sign-in and consent forms. It prints its issuer, reads the address that
// people are sent back to, and then serves.
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

const jwk = (pair, alg) => ({ ...pair.privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: alg });
const keys = [
  jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }), 'RS256'),
  jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'ES256'),
];
const roles = { ana: ['auditor:acme.www', 'staff'], eve: ['staff'] };

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  console.log(issuer);
  createInterface({ input: process.stdin }).once('line', (redirect) => {
    const client = (alg, method) => ({
      client_id: `indelible-${alg}`,
      client_secret: 'hush hush, 100% secret + more',
      redirect_uris: [redirect],
      id_token_signed_response_alg: alg,
      token_endpoint_auth_method: method,
    });
    const provider = new Provider(issuer, {
      jwks: { keys },
      cookies: { keys: ['only for tests'] },
      clients: [client('RS256', 'client_secret_basic'), client('ES256', 'client_secret_post')],
      // With one of them only, a client must notice which the provider takes.
      clientAuthMethods: process.argv[2] === 'post' ? ['client_secret_post', 'client_secret_basic'] : undefined,
      pkce: { required: () => true, methods: ['S256'] },
      claims: { openid: ['sub'], profile: ['preferred_username', 'roles'] },
      // As the specification has it, or as many providers do: roles in the ID token.
      conformIdTokenClaims: process.argv[2] !== 'in-token',
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({ sub: id, preferred_username: id, roles: roles[id] ?? [] }),
      }),
    });
    server.on('request', provider.callback());
    console.log('ready');
  });
});
