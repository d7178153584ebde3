<?php
declare( strict_types=1 );

namespace Indelible;

/** Whether the server is there and the tokens may what they must, and where it sends its orders. */
final class Connection {
	/** @return array<int, string> The log of each blog, by its id; 0 is the network administration. */
	public static function logs(): array {
		$blogs = is_multisite() ? array( 0, ...array_map( 'intval', get_sites( array( 'fields' => 'ids', 'number' => 1000 ) ) ) ) : array( get_current_blog_id() );
		return array_combine( $blogs, array_map( Settings::site_of( ... ), $blogs ) );
	}

	/** @return array<int, array{string, bool, string}> What was tried with which log, whether it went well, and what else is to be said. */
	public static function test(): array {
		if ( '' === Settings::url() || '' === Settings::token() ) {
			return array( array( '', false, __( 'Set INDELIBLE_URL and INDELIBLE_TOKEN in wp-config.php.', 'indelible' ) ) );
		}
		$tried = array();
		foreach ( array_unique( self::logs() ) as $site ) {
			/* translators: %s: name of a log */
			$tried[] = self::result( sprintf( __( 'Append to %s', 'indelible' ), $site ), Client::try_append( $site ), 200 );
			if ( '' !== Settings::reader_token() ) {
				/* translators: %s: name of a log */
				$tried[] = self::result( sprintf( __( 'Read %s', 'indelible' ), $site ), Client::read( "/sites/$site/entries", array( 'limit' => 1 ), 5 ), 200 );
			}
			if ( '' !== Settings::admin_token() ) {
				/* translators: %s: name of a log */
				$tried[] = self::result( sprintf( __( 'Administer %s', 'indelible' ), $site ), Client::administer( 'GET', "/sites/$site/connectors" ), 200 );
			}
		}
		return $tried;
	}

	/** Tells the server where it sends orders to put something back. Same form as {@see test()}. */
	public static function register(): array {
		if ( '' === Settings::admin_token() || '' === Settings::revert_secret() ) {
			return array( array( '', false, __( 'Set INDELIBLE_ADMIN_TOKEN and INDELIBLE_REVERT_SECRET in wp-config.php.', 'indelible' ) ) );
		}
		$done = array();
		foreach ( self::logs() as $blog => $site ) {
			$switch = is_multisite() && $blog > 0 && get_current_blog_id() !== $blog;
			$switch && switch_to_blog( $blog );
			$url = Revert\Endpoint::url();
			$switch && restore_current_blog();
			$answer = Client::administer( 'PUT', "/sites/$site/connectors/wordpress", array( 'revert_url' => $url, 'revert_secret' => Settings::revert_secret() ) );
			/* translators: 1: name of a log, 2: an address */
			$done[] = self::result( sprintf( __( 'Orders about %1$s go to %2$s', 'indelible' ), $site, $url ), $answer, 200 );
		}
		return $done;
	}

	/**
	 * Whether each log still has the last entry that it acknowledged, at its place. Same form as {@see test()}.
	 */
	public static function verify(): array {
		$found = array();
		foreach ( Outbox::status() as $log ) {
			if ( (int) $log->log_index < 0 ) {
				continue;
			}
			$answer = Client::read( "/sites/{$log->site}/entries/{$log->last_id}" );
			$same   = ( $answer['body']['index'] ?? null ) === (int) $log->log_index && ( $answer['body']['leaf_hash'] ?? '' ) === $log->leaf_hash;
			/* translators: 1: name of a log, 2: a number */
			$what    = sprintf( __( '%1$s has entry %2$d as it acknowledged it', 'indelible' ), $log->site, $log->log_index );
			$found[] = array( $what, 200 === $answer['status'] && $same, '' !== $answer['error'] ? $answer['error'] : ( $same ? '' : __( 'The log does not have it any more, or has another one there.', 'indelible' ) ) );
		}
		return $found;
	}

	private static function result( string $what, array $answer, int $wanted ): array {
		return array( $what, $wanted === $answer['status'], $answer['error'] );
	}
}
