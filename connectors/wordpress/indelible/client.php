<?php
declare( strict_types=1 );

namespace Indelible;

/**
 * HTTP to the server. Not by WordPress' own functions where curl is there: any plugin may answer in place of those.
 */
final class Client {
	/** Appends entries. Answers status (0: nobody answered), body as decoded, seconds to wait, and what went wrong. */
	public static function append( string $site, string $ndjson, float $timeout_s ): array {
		$headers = array( 'Content-Type: application/x-ndjson', 'Authorization: Bearer ' . Settings::token() );
		if ( strlen( $ndjson ) > 2000 && function_exists( 'gzencode' ) ) {
			$ndjson    = gzencode( $ndjson, 3 );
			$headers[] = 'Content-Encoding: gzip';
		}
		return self::ask( 'POST', "/api/v1/sites/$site/entries", $headers, $ndjson, $timeout_s );
	}

	/** Reads, with the token that may. */
	public static function read( string $path, array $query = array(), float $timeout_s = 10 ): array {
		$query = $query ? '?' . http_build_query( $query, '', '&', PHP_QUERY_RFC3986 ) : '';
		return self::ask( 'GET', "/api/v1$path$query", array( 'Authorization: Bearer ' . Settings::reader_token() ), null, $timeout_s );
	}

	/** Asks with the token of the screens in wp-admin. Only for those who may, and never in the page itself. */
	public static function administer( string $method, string $path, ?array $body = null, array $query = array(), float $timeout_s = 5 ): array {
		$query   = $query ? '?' . http_build_query( $query, '', '&', PHP_QUERY_RFC3986 ) : '';
		$headers = array( 'Authorization: Bearer ' . Settings::admin_token(), 'Content-Type: application/json' );
		return self::ask( $method, "/api/v1$path$query", $headers, null === $body ? null : Value::json( (object) $body ), $timeout_s );
	}

	/** Whether a token may append: it appends nothing. */
	public static function try_append( string $site ): array {
		return self::ask( 'POST', "/api/v1/sites/$site/entries", array( 'Content-Type: application/json', 'Authorization: Bearer ' . Settings::token() ), '[]', 5 );
	}

	private static function ask( string $method, string $path, array $headers, ?string $body, float $timeout_s ): array {
		$answer = function_exists( 'curl_init' )
			? self::by_curl( $method, Settings::url() . $path, $headers, $body, $timeout_s )
			: self::by_wordpress( $method, Settings::url() . $path, $headers, $body, $timeout_s );
		$answer['body'] = json_decode( $answer['text'], true );
		if ( '' === $answer['error'] && $answer['status'] >= 400 ) {
			$answer['error'] = $answer['status'] . ' ' . ( $answer['body']['detail'] ?? 'without a reason' );
		}
		return $answer;
	}

	private static function by_curl( string $method, string $url, array $headers, ?string $body, float $timeout_s ): array {
		// Kept: one connection serves all of a request's calls.
		static $curl = null;
		$curl ??= curl_init();
		$retry  = 0;
		$more   = null === $body ? array() : array( CURLOPT_POSTFIELDS => $body );
		curl_reset( $curl );
		curl_setopt_array(
			$curl,
			$more + array(
				CURLOPT_URL               => $url,
				CURLOPT_CUSTOMREQUEST     => $method,
				CURLOPT_HTTPHEADER        => array( ...$headers, 'Accept: application/json', 'Expect:' ),
				CURLOPT_RETURNTRANSFER    => true,
				CURLOPT_FOLLOWLOCATION    => false,
				CURLOPT_PROTOCOLS         => CURLPROTO_HTTP | CURLPROTO_HTTPS,
				CURLOPT_CONNECTTIMEOUT_MS => (int) ( 1000 * min( 2, $timeout_s ) ),
				CURLOPT_TIMEOUT_MS        => (int) ( 1000 * $timeout_s ),
				CURLOPT_NOSIGNAL          => true,
				CURLOPT_HEADERFUNCTION    => static function ( $curl, string $line ) use ( &$retry ): int {
					if ( preg_match( '/^retry-after:\s*(\d+)/i', $line, $found ) ) {
						$retry = (int) $found[1];
					}
					return strlen( $line );
				},
			)
		);
		$text = curl_exec( $curl );
		return array(
			'status'      => false === $text ? 0 : (int) curl_getinfo( $curl, CURLINFO_RESPONSE_CODE ),
			'text'        => (string) $text,
			'retry_after' => $retry,
			'error'       => false === $text ? 'no answer: ' . curl_error( $curl ) : '',
		);
	}

	private static function by_wordpress( string $method, string $url, array $headers, ?string $body, float $timeout_s ): array {
		$named = array();
		foreach ( $headers as $header ) {
			[ $name, $value ] = explode( ': ', $header, 2 );
			$named[ $name ]   = $value;
		}
		$answer = wp_remote_request(
			$url,
			array( 'method' => $method, 'headers' => $named, 'body' => $body, 'timeout' => $timeout_s, 'redirection' => 0, 'sslverify' => true )
		);
		$failed = is_wp_error( $answer );
		return array(
			'status'      => $failed ? 0 : (int) wp_remote_retrieve_response_code( $answer ),
			'text'        => $failed ? '' : wp_remote_retrieve_body( $answer ),
			'retry_after' => $failed ? 0 : (int) wp_remote_retrieve_header( $answer, 'retry-after' ),
			'error'       => $failed ? 'no answer: ' . $answer->get_error_message() : '',
		);
	}
}
