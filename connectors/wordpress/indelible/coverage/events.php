<?php
declare( strict_types=1 );

namespace Indelible\Coverage;

use Indelible\Change;
use Indelible\Hooks;
use Indelible\Ledger;
use Indelible\Request;

/** What happens without changing a state: who came in, who was kept out, what was exported. */
final class Events {
	public static function hook(): void {
		Hooks::add( 'wp_login', fn ( $login, $user ) => self::user( 'login', $user ) );
		Hooks::add( 'wp_logout', fn ( $id ) => self::user( 'logout', get_userdata( (int) $id ) ) );
		Hooks::add( 'wp_login_failed', fn ( $login, $error = null ) => self::refused( 'login-failed', (string) $login, $error ) );
		Hooks::add( 'application_password_failed_authentication', fn ( $error ) => self::refused( 'authentication-failed', (string) ( $_SERVER['PHP_AUTH_USER'] ?? '' ), $error ) );
		Hooks::add( 'retrieve_password', fn ( $login ) => self::user( 'forgot-password', get_user_by( 'login', $login ) ) );
		Hooks::add( 'after_password_reset', fn ( $user ) => self::user( 'password-reset', $user ) );
		Hooks::add( 'export_wp', fn ( $arguments ) => Ledger::event( new Change( 'settings.exported', 'export', 'content', 'Content', kind: 'read', data: array( 'arguments' => (array) $arguments ) ) ) );
		Hooks::add( 'import_start', fn () => Ledger::event( new Change( 'indelible.import-started', 'import', Request::correlation() ) ) );
		Hooks::add( 'import_end', fn () => Ledger::event( new Change( 'indelible.import-ended', 'import', Request::correlation(), data: array( 'changed' => Ledger::count() ) ) ) );
		Hooks::add( '_core_updated_successfully', fn ( $version ) => self::core( (string) $version ) );
	}

	/** The actor of signing in or out is who it is done with, not who the request was made by. */
	private static function user( string $verb, mixed $user ): void {
		if ( ! $user instanceof \WP_User || 0 === $user->ID ) {
			return;
		}
		$as_oneself = in_array( $verb, array( 'login', 'logout' ), true );
		$actor      = $as_oneself ? Request::actor( $user->ID ) : null;
		Ledger::event( new Change( "users.$verb", 'user', (string) $user->ID, $user->display_name, actor: $actor ) );
	}

	/** Nobody's name was proved, so nobody is the actor. */
	private static function refused( string $verb, string $login, mixed $error ): void {
		$user = get_user_by( 'login', $login );
		$user = $user ? $user : get_user_by( 'email', $login );
		$id   = $user ? (string) $user->ID : '0';
		$code = is_wp_error( $error ) ? (string) $error->get_error_code() : '';
		$name = mb_substr( $login, 0, 200 );
		// A password typed into the field of the name would be in the log for ever, so unknown names are not told.
		$told    = $user ? array( 'login' => $name, 'code' => $code ) : array( 'code' => $code );
		$summary = $user ? sprintf( 'Failed to sign in as %s', $name ) : 'Failed to sign in with a name that is not known';
		Ledger::event( new Change( "users.$verb", 'user', $id, $user ? $user->display_name : '', summary: $summary, failed: true, data: $told ) );
	}

	private static function core( string $version ): void {
		$before = array( 'version' => (string) ( $GLOBALS['wp_version'] ?? '' ) );
		Ledger::event( new Change( 'installer.updated', 'core', 'wordpress', 'WordPress', $before, array( 'version' => $version ), blog: is_multisite() ? 0 : null ) );
	}
}
