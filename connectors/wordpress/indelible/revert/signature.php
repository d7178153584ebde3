<?php
declare( strict_types=1 );

namespace Indelible\Revert;

/** Whether an order is the log's, and fresh. */
final class Signature {
	/** How old an order may be, either way: clocks differ. */
	private const LIFETIME_S = 300;

	/** The header is `t=SECONDS,v1=HEX`: HMAC-SHA256 of the time, a dot and the body. */
	public static function is_of( string $secret, string $header, string $body, int $now ): bool {
		if ( '' === $secret || 1 !== preg_match( '/^t=(\d{1,11}),v1=([0-9a-f]{64})$/', trim( $header ), $found ) ) {
			return false;
		}
		$expected = hash_hmac( 'sha256', "$found[1].$body", $secret );
		return hash_equals( $expected, $found[2] ) && abs( $now - (int) $found[1] ) <= self::LIFETIME_S;
	}
}
