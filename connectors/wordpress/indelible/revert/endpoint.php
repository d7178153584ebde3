<?php
declare( strict_types=1 );

namespace Indelible\Revert;

use Indelible\Settings;

/**
 * `POST /wp-json/indelible/v1/revert`: the log's orders to put something back. Whoever sends one proves with its
 * signature that it is the log; there is no other way in.
 */
final class Endpoint {
	/** Three states of the size of an entry. */
	private const BODY_MAX = 3 * 1024 * 1024;
	private const WHY_MAX  = 300;

	public static function start(): void {
		add_action(
			'rest_api_init',
			static fn () => register_rest_route( 'indelible/v1', '/revert', array( 'methods' => 'POST', 'callback' => array( self::class, 'answer' ), 'permission_callback' => array( self::class, 'is_permitted' ), 'show_in_index' => false ) )
		);
	}

	/** Where the log sends its orders. */
	public static function url(): string {
		return rest_url( 'indelible/v1/revert' );
	}

	public static function is_permitted( \WP_REST_Request $request ): bool|\WP_Error {
		$secret = Settings::revert_secret();
		$refuse = static fn ( int $status, string $why ): \WP_Error => new \WP_Error( 'indelible_refused', $why, array( 'status' => $status ) );
		if ( '' === $secret ) {
			return $refuse( 503, 'INDELIBLE_REVERT_SECRET is not set in wp-config.php' );
		}
		if ( strlen( $request->get_body() ) > self::BODY_MAX ) {
			return $refuse( 413, 'the order is too large' );
		}
		if ( ! Signature::is_of( $secret, (string) $request->get_header( 'Indelible-Signature' ), $request->get_body(), time() ) ) {
			return $refuse( 401, 'the signature is missing, wrong or older than 5 minutes' );
		}
		return true;
	}

	public static function answer( \WP_REST_Request $request ): \WP_REST_Response {
		// As entries have them: 1.0 stays 1.0.
		add_filter( 'rest_json_encode_options', static fn ( $flags ): int => (int) $flags | JSON_PRESERVE_ZERO_FRACTION | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES );
		try {
			return new \WP_REST_Response( CarryOut::do( Order::read( $request->get_body() ) ) );
		} catch ( Differs $differs ) {
			return new \WP_REST_Response( array( 'current' => null === $differs->current ? null : (object) $differs->current ), 409 );
		} catch ( Impossible $impossible ) {
			return new \WP_REST_Response( array( 'why' => mb_substr( $impossible->getMessage(), 0, self::WHY_MAX ) ), 422 );
		} catch ( \Throwable $error ) {
			error_log( 'Indelible: an order failed: ' . $error::class . ': ' . $error->getMessage() . ' at ' . $error->getFile() . ':' . $error->getLine() );
			return new \WP_REST_Response( array( 'why' => 'it failed; the error log of WordPress says why' ), 500 );
		}
	}
}
