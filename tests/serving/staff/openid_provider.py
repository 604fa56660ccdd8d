"""An OpenID provider of its own process, for tests: Authlib's server side on Flask, on loopback.

It signs in at once whoever `POST /test` named last, and can be told to turn its keys over or to lie in its tokens.
"""

import secrets
import sys
import time
from dataclasses import dataclass
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, jsonify, request
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "lendloop", "provider secret"
app = Flask(__name__)


@dataclass
class User:
    claims: dict[str, Any]

    def get_user_id(self) -> str:
        return str(self.claims["sub"])


class State:
    """Who signs in next, with which keys, and how the next token lies."""

    def __init__(self) -> None:
        self.user = User({"sub": "u-1", "preferred_username": "Ann", "groups": ["credit"]})
        self.lie = ""
        self.algorithm = "RS256"
        self.codes: dict[str, Code] = {}
        self.rotate()

    def rotate(self) -> None:
        name = secrets.token_hex(4)
        made: Any = RSAKey.generate_key(2048) if self.algorithm == "RS256" else ECKey.generate_key("P-256")
        self.key = type(made).import_key({**made.as_dict(private=True), "kid": name, "alg": self.algorithm})
        self.published = KeySet([self.key]).as_dict(private=False)


class Client(ClientMixin):
    client_id = CLIENT

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> str:
        return str(app.config["REDIRECT"])

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return bool(redirect_uri == app.config["REDIRECT"])

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code(AuthorizationCodeMixin):
    code: str
    user: User
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    auth_time: int

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return "another nonce" if state.lie == "nonce" else self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def save_authorization_code(self, code: str, asked: Any) -> None:
        data = asked.payload.data
        state.codes[code] = Code(
            code,
            state.user,
            asked.payload.redirect_uri,
            asked.payload.scope,
            data["nonce"],
            data["code_challenge"],
            data["code_challenge_method"],
            int(time.time()),
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return state.codes.get(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        del state.codes[authorization_code.code]

    def authenticate_user(self, authorization_code: Code) -> User:
        return authorization_code.user


class Tokens(OpenIDCode):  # type: ignore[misc]
    def exists_nonce(self, nonce: str, asked: Any) -> bool:
        return False

    def get_client_algorithm(self, client: Client) -> str:
        return state.algorithm

    def resolve_client_private_key(self, client: Client) -> Any:
        key = state.key
        if state.lie == "key":  # signed by somebody else, under the name of the key that is known
            forged = type(key).generate_key(2048 if state.algorithm == "RS256" else "P-256")
            key = type(key).import_key({**forged.as_dict(private=True), "kid": key.kid, "alg": state.algorithm})
        return key

    def get_encode_header(self, client: Client) -> dict[str, str]:
        return {"alg": state.algorithm, "kid": str(state.key.kid)}

    def get_compatible_claims(self, asked: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": app.config["ISSUER"], "aud": [CLIENT], "iat": now, "exp": now + 300}
        lies = {"audience": {"aud": ["others"]}, "issuer": {"iss": "https://elsewhere.example"}}
        lies |= {"expired": {"iat": now - 7200, "exp": now - 3600}, "second audience": {"aud": [CLIENT, "others"]}}
        return {**claims, **lies.get(state.lie, {})}

    def generate_user_info(self, user: User, scope: str) -> UserInfo:
        return UserInfo(**user.claims)


state = State()
server = AuthorizationServer(app, query_client=lambda name: Client() if name == CLIENT else None, save_token=print)
server.register_grant(CodeGrant, [Tokens(require_nonce=True), CodeChallenge(required=True)])


@app.get("/.well-known/openid-configuration")
def discovery() -> Any:
    issuer = app.config["ISSUER"]
    return jsonify(
        issuer="https://elsewhere.example" if state.lie == "discovery" else issuer,
        authorization_endpoint=f"{issuer}/authorize",
        token_endpoint=f"{issuer}/token",
        jwks_uri=f"{issuer}/keys",
        response_types_supported=["code"],
        code_challenge_methods_supported=["S256"],
        id_token_signing_alg_values_supported=["RS256", "ES256"],
    )


@app.get("/keys")
def keys() -> Any:
    return jsonify(state.published)


@app.get("/authorize")
def authorize() -> Any:
    grant = server.get_consent_grant(end_user=state.user)
    return server.create_authorization_response(grant_user=state.user, grant=grant)


@app.post("/token")
def token() -> Any:
    response = server.create_token_response()
    if state.lie in ("tampered", "unsigned") and response.status_code == 200:
        document = response.get_json()
        document["id_token"] = _changed(document["id_token"])
        response.set_data(app.json.dumps(document))
    return response


def _changed(text: str) -> str:
    """The token with other claims under the same signature, or with no signature at all."""
    import base64
    import json

    head, body, signature = text.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["groups"] = ["everything"]
    new = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    if state.lie == "unsigned":
        plain = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
        return f"{plain}.{new}."
    return f"{head}.{new}.{signature}"


@app.post("/test")
def told() -> Any:
    asked = request.get_json()
    state.lie = asked.get("lie", "")
    state.algorithm = asked.get("algorithm", state.algorithm)
    if asked.get("user"):
        state.user = User(asked["user"])
    if asked.get("rotate"):
        state.rotate()
    return jsonify(ok=True)


if __name__ == "__main__":
    port, redirect = int(sys.argv[1]), sys.argv[2]
    app.config.update(ISSUER=f"http://127.0.0.1:{port}", REDIRECT=redirect)
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()
