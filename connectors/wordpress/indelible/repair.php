<?php
declare( strict_types=1 );

namespace Indelible;

/** What a request wrote and other code took out again, or kept from getting in. */
final class Repair {
	/** A request waits this long for the server with what its database does not keep. */
	private const REQUEST_S = 2.0;

	/** What this request wrote and is not there is put back, or sent at once; and that is told. */
	public static function after_request(): void {
		$missing = self::missing( Outbox::written() );
		if ( ! $missing ) {
			return;
		}
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

	/** Rows that are neither in the outbox nor delivered by another process meanwhile. */
	private static function missing( array $rows ): array {
		global $wpdb;
		$marks      = implode( ',', array_fill( 0, count( $rows ), '%s' ) );
		$suppressed = $wpdb->suppress_errors( true );
		$found      = $wpdb->get_col( $wpdb->prepare( 'SELECT entry_id FROM ' . Outbox::table() . " WHERE entry_id IN ($marks)", array_column( $rows, 'id' ) ) );
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
