<?php
declare( strict_types=1 );

namespace Indelible;

/** UUIDs: ordered by time for what happens, derived from a name for what must be the same when made again. */
final class Id {
	private const NAMESPACE = '8f0b6a1c-54a2-4c7e-9a53-3f6b1d0e7c21';

	public static function now(): string {
		$bytes = substr( pack( 'J', (int) ( microtime( true ) * 1000 ) ), 2 ) . random_bytes( 10 );
		return self::text( $bytes, 7 );
	}

	public static function of( string ...$name ): string {
		$space = hex2bin( str_replace( '-', '', self::NAMESPACE ) );
		return self::text( substr( sha1( $space . implode( "\0", $name ), true ), 0, 16 ), 5 );
	}

	private static function text( string $bytes, int $version ): string {
		$bytes[6] = chr( ord( $bytes[6] ) & 0x0f | $version << 4 );
		$bytes[8] = chr( ord( $bytes[8] ) & 0x3f | 0x80 );
		return vsprintf( '%s%s-%s-%s-%s-%s%s%s', str_split( bin2hex( $bytes ), 4 ) );
	}
}
