//! `tradewind token`: mint a token from the development issuer.
