<?php
declare( strict_types=1 );

namespace Indelible;

/** What a request wrote and other code took out again, or kept from getting in. */
final class Repair {
	/** A request waits this long for the server with what its database does not keep. */
	private const REQUEST_S = 2.0;

	/**
	 * What this request wrote and is not there is put back, or sent at once; and that is told. Whether the server is not known
	 * to be away, for one of the logs at least: one question to the database answers both.
	 */
	public static function after_request( int $tried_before ): bool {
		$sites   = array_keys( self::by_site( Outbox::written() ) );
		$away    = array();
		$missing = self::missing( Outbox::written(), $sites, $tried_before, $away );
		$missing && self::put_back( $missing );
		return count( $away ) < count( $sites );
	}

	private static function put_back( array $missing ): void {
		Outbox::put_back( $missing );
		$lost  = self::by_site( self::missing( $missing ) );
		$trace = static fn ( array $rows ): Change => new Change(
			'indelible.bypass',
			'outbox',
			$rows[0]['site'],
			summary: 'Entries were taken out of the outbox, or kept from getting into it, within the request that made them',
			failed: true,
			data: array( 'entries' => count( $rows ) )
		);
		foreach ( self::by_site( $missing ) as $site => $rows ) {
			$entry = $trace( $rows )->entry( Request::actor(), gmdate( 'Y-m-d\TH:i:s\Z' ) );
			if ( isset( $lost[ $site ] ) ) {
				self::send_unkept( $site, array( ...array_column( $lost[ $site ], 'json' ), Outbox::encoded( $entry ) ) );
			} else {
				Outbox::append( array( array( $site, $entry ) ) );
			}
		}
	}

	/**
	 * Rows that are neither in the outbox nor delivered by another process meanwhile.
	 *
	 * @param string[] $sites Logs of which is asked whether their server is away.
	 * @param string[] $away  Those that are, and were tried since this time.
	 */
	private static function missing( array $rows, array $sites = array(), int $tried_before = 0, array &$away = array() ): array {
		global $wpdb;
		$marks = static fn ( array $of ): string => implode( ',', array_fill( 0, count( $of ), '%s' ) );
		$sql   = $wpdb->prepare( 'SELECT entry_id FROM ' . Outbox::table() . " WHERE entry_id IN ({$marks( $rows )})", array_column( $rows, 'id' ) );
		if ( $sites ) {
			$sql .= $wpdb->prepare( ' UNION ALL SELECT site FROM ' . Outbox::logs() . " WHERE failures > 0 AND retry_at >= %d AND site IN ({$marks( $sites )})", $tried_before, ...$sites );
		}
		$suppressed = $wpdb->suppress_errors( true );
		$found      = $wpdb->get_col( $sql );
		if ( $sites && '' !== $wpdb->last_error ) {
			$wpdb->suppress_errors( $suppressed );
			Outbox::install(); // One of the tables is gone.
			return self::missing( $rows );
		}
		$away       = array_intersect( $sites, $found );
		$missing    = array_filter( $rows, static fn ( array $row ): bool => ! in_array( $row['id'], $found, true ) && ! self::is_delivered( $row ) );
		$wpdb->suppress_errors( $suppressed );
		return array_values( $missing );
	}

	private static function is_delivered( array $row ): bool {
		global $wpdb;
		$sql = 'SELECT 1 FROM ' . Outbox::table() . ' WHERE site = %s AND sequence = 0 AND delivered >= %s';
		return (bool) $wpdb->get_var( $wpdb->prepare( $sql, $row['site'], (string) $row['sequence'] ) );
	}

	/** @return array<string, array> */
	public static function by_site( array $rows ): array {
		$sites = array();
		foreach ( $rows as $row ) {
			$sites[ $row['site'] ][] = $row;
		}
		return $sites;
	}

	/** Entries that the database does not keep go to the server at once; failing that, into the error log. */
	public static function send_unkept( string $site, array $lines ): void {
		// They have no number; the log knows null for nothing there.
		$lines  = preg_replace( '/^(\{"id":"[^"]+","data":\{)"outbox":null,?/', '$1', $lines );
		$answer = Client::append( $site, implode( "\n", $lines ), self::REQUEST_S );
		if ( 200 !== $answer['status'] ) {
			foreach ( $lines as $line ) {
				error_log( "Indelible: not kept and not sent ({$answer['error']}): $line" );
			}
		}
	}
}
