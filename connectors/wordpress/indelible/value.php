<?php
declare( strict_types=1 );

namespace Indelible;

/** Values of WordPress as JSON that the log takes: any type, any length up to the entry's limit, no secrets. */
final class Value {
	/** The log takes 64 levels, the entry's own included. */
	private const DEPTH_MAX = 48;
	/** The log takes 1 MiB for an entry. */
	private const ENTRY_MAX = 1_000_000;
	/** Names of options and fields whose values are secrets. The server masks by key; an option's value has the key `value`. */
	private const SECRET = '/(?:pass|passwd|password|secret|token|tokens|private_key|secret_key|api_?key|access_key|auth_key|auth_salt|nonce_key|nonce_salt|logged_in_key|logged_in_salt|license_key)$/i';

	/** A column that may hold a serialised value. Objects come as arrays: nothing of them is run. */
	public static function stored( ?string $text ): mixed {
		if ( null === $text || ! is_serialized( $text ) ) {
			return self::plain( $text );
		}
		$value = @unserialize( trim( $text ), array( 'allowed_classes' => false ) );
		return self::plain( false === $value && 'b:0;' !== trim( $text ) ? $text : $value );
	}

	/** Only what JSON knows. */
	public static function plain( mixed $value, int $depth = 0 ): mixed {
		if ( is_object( $value ) ) {
			$value = (array) $value;
		}
		if ( is_array( $value ) ) {
			if ( $depth >= self::DEPTH_MAX ) {
				return 'nested too deeply: ' . substr( (string) wp_json_encode( $value, JSON_PARTIAL_OUTPUT_ON_ERROR ), 0, 1000 );
			}
			$plain = array();
			foreach ( $value as $key => $item ) {
				// Private properties of objects are named "\0Class\0name".
				$key           = is_string( $key ) ? self::utf8( preg_replace( '/^\0[^\0]*\0/', '', $key ) ) : $key;
				$plain[ $key ] = self::plain( $item, $depth + 1 );
			}
			return $plain;
		}
		if ( is_float( $value ) && ! is_finite( $value ) || is_resource( $value ) ) {
			return (string) $value;
		}
		return is_string( $value ) ? self::utf8( $value ) : $value;
	}

	public static function utf8( string $text ): string {
		return mb_check_encoding( $text, 'UTF-8' ) ? $text : mb_convert_encoding( $text, 'UTF-8', 'ISO-8859-1' );
	}

	public static function is_secret( string $name ): bool {
		return 1 === preg_match( self::SECRET, $name );
	}

	/** Puts markers in place of a secret that is there before and after, so that its change can be seen. */
	public static function masked( mixed $before, mixed $after ): array {
		$marker = static fn ( mixed $value, string $text ): mixed => in_array( $value, array( null, '', false, true ), true ) ? $value : $text;
		return array( $marker( $before, '[masked]' ), $marker( $after, $before === $after ? '[masked]' : '[masked 2]' ) );
	}

	public static function same( mixed $one, mixed $other ): bool {
		return $one === $other || self::json( $one ) === self::json( $other );
	}

	public static function json( mixed $value ): string {
		$flags = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE | JSON_PRESERVE_ZERO_FRACTION | JSON_PARTIAL_OUTPUT_ON_ERROR;
		return (string) json_encode( $value, $flags, 512 );
	}

	private static function cut( mixed $value, int $max ): mixed {
		if ( is_string( $value ) && strlen( $value ) > $max ) {
			return mb_strcut( $value, 0, $max, 'UTF-8' ) . sprintf( '… [cut: %d bytes, SHA-256 %s]', strlen( $value ), hash( 'sha256', $value ) );
		}
		if ( is_array( $value ) ) {
			return array_map( static fn ( mixed $item ): mixed => self::cut( $item, $max ), $value );
		}
		return is_object( $value ) ? (object) self::cut( (array) $value, $max ) : $value;
	}

	/** The entry's JSON, its longest texts cut as far as it must be. What is cut is told by its length and hash. */
	public static function fitting( array $entry ): string {
		$whole = $entry;
		$json  = self::json( $entry );
		for ( $max = 200_000; strlen( $json ) > self::ENTRY_MAX && $max > 100; $max = intdiv( $max, 4 ) ) {
			$entry = self::cut( $whole, $max );
			$json  = self::json( $entry );
		}
		if ( strlen( $json ) > self::ENTRY_MAX ) {
			$told = sprintf( 'left out, as it is too large for an entry: SHA-256 %s', hash( 'sha256', $json ) );
			unset( $entry['before'], $entry['after'] );
			$entry['data'] = array( 'outbox' => null, 'states' => $told );
			$json          = self::json( $entry );
		}
		return $json;
	}
}
