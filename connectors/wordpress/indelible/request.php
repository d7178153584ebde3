<?php
declare( strict_types=1 );

namespace Indelible;

/** Who is asking, from where and by which way. One request, one correlation id. */
final class Request {
	private static ?string $correlation = null;
	/** The log's order that this request carries out. */
	private static ?Revert\Order $order = null;

	public static function correlation(): string {
		return self::$correlation ??= Id::now();
	}

	/** What this request does is the log's order. */
	public static function carry_out( Revert\Order $order ): void {
		self::$order       = $order;
		self::$correlation = $order->key;
	}

	/** What entries say of the order that they come from. */
	public static function order(): ?Revert\Order {
		return self::$order;
	}

	/** Who asks. */
	public static function actor( ?int $user = null ): array {
		if ( null === $user && null !== self::$order ) {
			$for = '' === self::$order->requested_by ? array() : array( 'on_behalf_of' => array( 'type' => 'user', 'id' => self::$order->requested_by ) );
			return array( 'type' => 'service', 'id' => 'indelible', 'name' => 'Indelible' ) + $for;
		}
		$user ??= self::current_user();
		if ( 0 === $user ) {
			return self::nobody();
		}
		static $actors = array();
		return $actors[ $user ] ??= self::user( $user );
	}

	/**
	 * Without asking who it is while that is being found out, which would ask again for ever. What cron does is done by
	 * nobody, whoever's visit it rides on.
	 */
	private static function current_user(): int {
		$known = $GLOBALS['current_user'] ?? null;
		if ( wp_doing_cron() ) {
			return 0;
		}
		if ( $known instanceof \WP_User ) {
			return $known->ID;
		}
		return did_action( 'set_current_user' ) && ! doing_filter( 'determine_current_user' ) ? get_current_user_id() : 0;
	}

	private static function user( int $user ): array {
		$data  = get_userdata( $user );
		$actor = array( 'type' => 'user', 'id' => (string) $user );
		if ( false === $data ) {
			return $actor;
		}
		$actor['name'] = '' === $data->display_name ? $data->user_login : $data->display_name;
		if ( '' !== $data->user_email ) {
			$actor['email'] = $data->user_email;
		}
		$roles = array_values( $data->roles );
		if ( is_multisite() && is_super_admin( $user ) ) {
			array_unshift( $roles, 'super_admin' );
		}
		return $roles ? $actor + array( 'roles' => $roles ) : $actor;
	}

	/** What runs without a user. A visitor's self-chosen name must not pass for an actor's. */
	private static function nobody(): array {
		$names = array( 'cron' => 'WP-Cron', 'cli' => 'WP-CLI' );
		return array( 'type' => 'system', 'name' => $names[ self::channel() ] ?? 'visitor' );
	}

	/** portal is wp-admin, site the pages that visitors see. */
	public static function channel(): string {
		return match ( true ) {
			defined( 'XMLRPC_REQUEST' ) && XMLRPC_REQUEST => 'xmlrpc',
			wp_doing_cron() => 'cron',
			'cli' === PHP_SAPI || defined( 'WP_CLI' ) && WP_CLI => 'cli',
			defined( 'REST_REQUEST' ) && REST_REQUEST => 'rest',
			is_admin() || 'wp-login.php' === ( $GLOBALS['pagenow'] ?? '' ) => 'portal',
			default => 'site',
		};
	}

	public static function origin(): array {
		$server = static fn ( string $name ): string => self::text( $_SERVER[ $name ] ?? '' );
		$parts  = explode( '?', $server( 'REQUEST_URI' ), 2 );
		$origin = array(
			'ip'         => self::ip(),
			'user_agent' => substr( $server( 'HTTP_USER_AGENT' ), 0, 1000 ),
			'method'     => $server( 'REQUEST_METHOD' ),
			'route'      => self::route(),
			'path'       => $parts[0],
			'query'      => self::query( $parts[1] ?? '' ),
			'request_id' => substr( $server( 'HTTP_X_REQUEST_ID' ), 0, 200 ),
			'session_id' => self::session(),
			'channel'    => self::channel(),
		);
		return array_filter( $origin, static fn ( ?string $value ): bool => null !== $value && '' !== $value );
	}

	/** The rightmost address that no trusted proxy has. */
	public static function ip(): ?string {
		$ip = (string) ( $_SERVER['REMOTE_ADDR'] ?? '' );
		$on = array_map( 'trim', explode( ',', (string) ( $_SERVER['HTTP_X_FORWARDED_FOR'] ?? '' ) ) );
		while ( $on && self::is_within( $ip, Settings::trusted_proxies() ) && filter_var( end( $on ), FILTER_VALIDATE_IP ) ) {
			$ip = array_pop( $on );
		}
		return filter_var( $ip, FILTER_VALIDATE_IP ) ? $ip : null;
	}

	/** @param string[] $networks */
	private static function is_within( string $ip, array $networks ): bool {
		$address = @inet_pton( $ip );
		foreach ( $networks as $network ) {
			[ $base, $bits ] = explode( '/', $network . '/' );
			$base            = @inet_pton( $base );
			if ( false === $address || false === $base || strlen( $base ) !== strlen( $address ) ) {
				continue;
			}
			$bits  = '' === $bits ? 8 * strlen( $base ) : (int) $bits;
			$whole = intdiv( $bits, 8 );
			$mask  = 0xff << 8 - $bits % 8 & 0xff;
			$rest  = 0 === $bits % 8 || ( ord( $base[ $whole ] ) & $mask ) === ( ord( $address[ $whole ] ) & $mask );
			if ( $rest && substr( $base, 0, $whole ) === substr( $address, 0, $whole ) ) {
				return true;
			}
		}
		return false;
	}

	/** The route of the REST API, or the administration's page and what it was to do. */
	private static function route(): string {
		if ( 'rest' === self::channel() ) {
			return self::text( $GLOBALS['wp']->query_vars['rest_route'] ?? '' );
		}
		$action = $_REQUEST['action'] ?? '';
		$action = is_string( $action ) && preg_match( '/^[\w.-]{1,80}$/', $action ) ? ":$action" : '';
		return self::text( $GLOBALS['pagenow'] ?? '' ) . $action;
	}

	/** Nonces open doors for a day, so they stay out. */
	private static function query( string $query ): string {
		return trim( preg_replace( '/(^|&)(_wpnonce|_ajax_nonce|nonce|key|_wp_http_referer)=[^&]*/', '', $query ), '&' );
	}

	/** A hash of the session: whoever reads the log must not be able to take it over. */
	private static function session(): string {
		$token = function_exists( 'wp_get_session_token' ) ? wp_get_session_token() : '';
		return '' === $token ? '' : substr( hash( 'sha256', "indelible\0$token" ), 0, 32 );
	}

	private static function text( mixed $text ): string {
		return is_string( $text ) ? substr( wp_check_invalid_utf8( $text, true ), 0, 2000 ) : '';
	}

	/** The blog whose log an entry belongs to: 0 for what is done in the network administration. */
	public static function blog(): int {
		return is_multisite() && is_network_admin() && ! ms_is_switched() ? 0 : get_current_blog_id();
	}
}
