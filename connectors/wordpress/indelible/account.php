<?php
declare( strict_types=1 );

namespace Indelible;

/**
 * What a log has of the outbox' numbers, and what does not fit: numbers without an entry, numbers that are in the log
 * with another entry (the database is older than the log), and places in the log that were given before (the log is
 * older than what it said it had).
 */
final class Account {
	/** Keeps of all logs what would not outlive their rows: epoch and numbers, so that it is seen when the rows are gone. */
	public static function remember(): void {
		$sql = 'INSERT INTO ' . Outbox::logs() . ' (site, epoch, next, delivered) SELECT n.site, n.entry_id, n.next, n.delivered FROM ' . Outbox::table() . ' n
			LEFT JOIN ' . Outbox::logs() . ' l ON l.site = n.site WHERE n.sequence = 0 AND (l.site IS NULL OR l.next <> n.next OR l.delivered <> n.delivered OR l.epoch <> n.entry_id)
			ON DUPLICATE KEY UPDATE epoch = VALUES(epoch), next = VALUES(next), delivered = VALUES(delivered)';
		Outbox::query( $sql );
	}

	/** Marks what the log has, and sets aside what it refused: one bad entry does not hold up the others. */
	public static function settle( object $log, array $rows, array $results ): void {
		global $wpdb;
		$delivered = array();
		$last      = null;
		$conflicts = array();
		foreach ( $rows as $place => $row ) {
			$error = $results[ $place ]['error'] ?? null;
			if ( null === $error ) {
				$delivered[] = (int) $row->sequence;
				$last        = null === $last || $results[ $place ]['index'] > $last['index'] ? $results[ $place ] : $last;
			} elseif ( 'id_conflict' === ( $error['code'] ?? '' ) && '5' !== $row->entry_id[14] ) {
				$conflicts[] = (int) $row->sequence;
			} else {
				self::refused( $log, $row, $error );
			}
		}
		if ( $delivered ) {
			$list = implode( ',', $delivered );
			Outbox::query( $wpdb->prepare( 'UPDATE ' . Outbox::table() . " SET state = %d, entry = '' WHERE site = %s AND sequence IN ($list)", Outbox::DELIVERED, $log->site ) );
		}
		if ( null !== $last ) {
			self::compare( $log, $last );
		}
		if ( $conflicts ) {
			self::restored( $log, min( $conflicts ) );
		}
		Outbox::query( $wpdb->prepare( 'UPDATE ' . Outbox::logs() . ' SET failures = 0, failing_since = 0, retry_at = 0, error = NULL WHERE site = %s AND failures > 0', $log->site ) );
		$log->failures = 0;
	}

	private static function refused( object $log, object $row, array $error ): void {
		global $wpdb;
		$why = ( $error['code'] ?? '' ) . ': ' . ( $error['field'] ?? '' ) . ' ' . ( $error['message'] ?? '' );
		Outbox::query( $wpdb->prepare( 'UPDATE ' . Outbox::table() . ' SET state = %d, problem = %s WHERE site = %s AND sequence = %d', Outbox::REFUSED, $why, $log->site, $row->sequence ) );
		error_log( "Indelible: {$log->site} refused entry {$row->sequence}: $why" );
		self::gap( $log, (int) $row->sequence, (int) $row->sequence, "refused by the log: $why" );
	}

	/** The log only grows: an entry that gets a place at or before the last known one means that the log lost entries. */
	private static function compare( object $log, array $last ): void {
		global $wpdb;
		if ( (int) $last['index'] <= (int) $log->log_index ) {
			$data   = array( 'acknowledged_index' => (int) $log->log_index, 'given_index' => (int) $last['index'] );
			$change = new Change( 'indelible.log-rewound', 'outbox', $log->epoch, summary: 'The log gave a place that it had given before: it lost entries that it had acknowledged', failed: true, data: $data );
			error_log( "Indelible: the log {$log->site} lost entries that it had acknowledged: its place {$last['index']} was given before." );
			self::tell( $log, $change );
		}
		$log->log_index = (int) $last['index'];
		Outbox::query( $wpdb->prepare( 'UPDATE ' . Outbox::logs() . ' SET log_index = %d, leaf_hash = %s, last_id = %s WHERE site = %s', $last['index'], $last['leaf_hash'] ?? '', $last['id'] ?? '', $log->site ) );
	}

	/** The log has other entries under these numbers: the database was put back. What waits goes on under a new epoch. */
	private static function restored( object $log, int $first ): void {
		global $wpdb;
		$old    = $log->epoch;
		$epoch  = Id::now();
		$data   = array( 'previous_epoch' => $old, 'from_sequence' => $first );
		$change = new Change( 'indelible.restored', 'outbox', $epoch, summary: 'The database was replaced by an older one: the log has other entries under numbers that were given again', failed: true, data: $data );
		Outbox::query( $wpdb->prepare( 'UPDATE ' . Outbox::table() . ' SET entry_id = %s WHERE site = %s AND sequence = 0', $epoch, $log->site ) );
		$log->epoch = $epoch;
		error_log( "Indelible: the database of {$log->site} is older than its log; entries are numbered under the new epoch $epoch from $first on." );
		self::tell( $log, $change );
	}

	private static function tell( object $log, Change $change ): void {
		$entry = $change->entry( array( 'type' => 'service', 'id' => 'indelible-wordpress' ), gmdate( 'Y-m-d\TH:i:s\Z' ) );
		Outbox::keep_anyway( $log->site, array_diff_key( $entry, array( 'origin' => 1, 'correlation_id' => 1 ) ) );
	}

	/**
	 * Walks over the numbers from the first that is not accounted for. A number without a row is a gap, told by an entry:
	 * number and row come by one statement, so the row was deleted. Whether there is something new to send.
	 */
	public static function advance( object $log ): bool {
		global $wpdb;
		// In this order: what is numbered here has its row there.
		$now = $wpdb->get_row( $wpdb->prepare( 'SELECT next, delivered, overflowed FROM ' . Outbox::table() . ' WHERE site = %s AND sequence = 0', $log->site ) );
		if ( null === $now ) {
			return false;
		}
		$rows     = (array) $wpdb->get_results( $wpdb->prepare( 'SELECT sequence, state FROM ' . Outbox::table() . ' WHERE site = %s AND sequence > %d ORDER BY sequence LIMIT 5000', $log->site, $now->delivered ) );
		$expected = (int) $now->delivered + 1;
		$new      = false;
		// The end of the numbers given away is the last hole's right side.
		$rows[] = (object) array( 'sequence' => count( $rows ) < 5000 ? (int) $now->next : $expected, 'state' => null );
		foreach ( $rows as $row ) {
			if ( (int) $row->sequence > $expected ) {
				$lost = min( (int) $now->overflowed, (int) $row->sequence - $expected );
				self::gap( $log, $expected, (int) $row->sequence - 1, $lost > 0 ? 'the outbox was full' : 'they are gone from the outbox: something else than the shipper deleted them', $lost );
				$new              = true;
				$expected         = (int) $row->sequence;
				$now->overflowed -= $lost;
			}
			if ( ! in_array( (int) $row->state, array( Outbox::DELIVERED, Outbox::REFUSED ), true ) ) {
				break;
			}
			++$expected;
		}
		if ( $expected - 1 > (int) $now->delivered ) {
			Outbox::query( $wpdb->prepare( 'UPDATE ' . Outbox::table() . ' SET delivered = %d WHERE site = %s AND sequence = 0', $expected - 1, $log->site ) );
			Outbox::query( $wpdb->prepare( 'DELETE FROM ' . Outbox::table() . ' WHERE site = %s AND sequence BETWEEN 1 AND %d AND state = %d', $log->site, $expected - 1, Outbox::DELIVERED ) );
		}
		return $new;
	}

	/** An entry that says that entries are missing. Made again it is the same, so it is never told twice. */
	private static function gap( object $log, int $from, int $to, string $reason, int $overflowed = 0 ): void {
		global $wpdb;
		error_log( sprintf( 'Indelible: %d entries of %s are missing (%d to %d): %s', $to - $from + 1, $log->site, $from, $to, $reason ) );
		$entry = array(
			'id'          => Id::of( 'gap', $log->site, $log->epoch, (string) $from, (string) $to ),
			'occurred_at' => gmdate( 'Y-m-d\TH:i:s\Z' ),
			'actor'       => array( 'type' => 'service', 'id' => 'indelible-wordpress' ),
			'action'      => 'indelible.gap',
			'kind'        => 'other',
			'outcome'     => 'failure',
			'entity'      => array( 'type' => 'outbox', 'id' => $log->epoch ),
			'summary'     => sprintf( '%d entries are missing: %s', $to - $from + 1, $reason ),
			'connector'   => 'wordpress',
			'data'        => array( 'entries' => $to - $from + 1, 'from' => $from, 'to' => $to, 'reason' => $reason ),
		);
		Outbox::keep_anyway( $log->site, $entry );
		if ( $overflowed > 0 ) {
			Outbox::query( $wpdb->prepare( 'UPDATE ' . Outbox::table() . ' SET overflowed = GREATEST(0, CAST(overflowed AS SIGNED) - %d) WHERE site = %s AND sequence = 0', $overflowed, $log->site ) );
		}
	}
}
