<?php
declare( strict_types=1 );

namespace Indelible;

/**
 * Settings are constants in wp-config.php: what is in the database can be changed by whoever gets into the
 * browser's administration.
 */
final class Settings {
	/** The server's address, without a slash at its end; empty when not set. */
	public static function url(): string {
		return rtrim( (string) self::constant( 'INDELIBLE_URL', '' ), '/' );
	}

	/** A token with the role writer: it appends and can read nothing. */
	public static function token(): string {
		return (string) self::constant( 'INDELIBLE_TOKEN', '' );
	}

	/** A token with the role auditor, for Stream's list; empty without them. */
	public static function reader_token(): string {
		return (string) self::constant( 'INDELIBLE_READER_TOKEN', '' );
	}

	/** A token with the role owner (for a network: super_admin), for the screens in wp-admin; empty without them. */
	public static function admin_token(): string {
		return (string) self::constant( 'INDELIBLE_ADMIN_TOKEN', '' );
	}

	/** What orders to put something back are signed with; empty when none are taken. */
	public static function revert_secret(): string {
		return (string) self::constant( 'INDELIBLE_REVERT_SECRET', '' );
	}

	/** Entries that may wait in the outbox, for each site. */
	public static function outbox_max(): int {
		return max( 100, (int) self::constant( 'INDELIBLE_OUTBOX_MAX', 100000 ) );
	}

	/** Whether a change is refused that cannot be logged. */
	public static function is_fail_closed(): bool {
		return (bool) self::constant( 'INDELIBLE_FAIL_CLOSED', false );
	}

	/** Whether requests send what they did, or leave that to cron. */
	public static function sends_at_shutdown(): bool {
		return 'cron' !== self::constant( 'INDELIBLE_SEND', 'request' );
	}

	/** @return string[] Networks whose X-Forwarded-For is believed. */
	public static function trusted_proxies(): array {
		return (array) self::constant( 'INDELIBLE_TRUSTED_PROXIES', array() );
	}

	/** The log of a blog; 0 is the network administration. */
	public static function site_of( int $blog ): string {
		$named = self::constant( 'INDELIBLE_SITES', array() );
		if ( is_string( $named ) ) {
			return $named;
		}
		if ( isset( $named[ $blog ] ) ) {
			return (string) $named[ $blog ];
		}
		static $sites = array();
		return $sites[ $blog ] ??= is_multisite() ? self::site_in_network( $blog ) : self::site_alone();
	}

	private static function site_alone(): string {
		$home = preg_replace( '#^https?://#', '', (string) get_option( 'home' ) );
		return (string) self::constant( 'INDELIBLE_SITE', self::slug( $home ) );
	}

	/** `NETWORK` for the main blog, `NETWORK-network` for the network administration, `NETWORK-second` for the others. */
	private static function site_in_network( int $blog ): string {
		$network = get_network();
		$base    = (string) self::constant( 'INDELIBLE_SITE', self::slug( $network->domain . $network->path ) );
		if ( 0 === $blog ) {
			return self::fit( $base, 'network' );
		}
		$site = get_site( $blog );
		if ( is_main_site( $blog ) || null === $site ) {
			return null === $site ? self::fit( $base, "blog-$blog" ) : $base;
		}
		if ( $site->domain !== $network->domain ) {
			$within = preg_replace( '/\.' . preg_quote( preg_replace( '/^www\./', '', $network->domain ), '/' ) . '$/', '', $site->domain );
			return self::fit( $base, self::slug( $within . $site->path ) );
		}
		return self::fit( $base, self::slug( substr( $site->path, strlen( $network->path ) ) ) );
	}

	/** A port stays out of a name, as it is no part of what a site is called. */
	private static function slug( string $text ): string {
		$text = preg_replace( '/:\d+/', '', strtolower( $text ) );
		$slug = trim( preg_replace( '/[^a-z0-9]+/', '-', $text ), '-' );
		return substr( '' === $slug ? 'wordpress' : $slug, 0, 63 );
	}

	/** Names have at most 63 characters; one that is cut keeps its difference by a hash. */
	private static function fit( string $base, string $rest ): string {
		$org  = str_contains( $base, '.' ) ? strstr( $base, '.', true ) . '.' : '';
		$name = substr( $base, strlen( $org ) ) . '-' . $rest;
		return $org . ( strlen( $name ) > 63 ? substr( $name, 0, 54 ) . '-' . substr( hash( 'sha256', $name ), 0, 8 ) : $name );
	}

	private static function constant( string $name, mixed $default ): mixed {
		return defined( $name ) ? constant( $name ) : $default;
	}
}
