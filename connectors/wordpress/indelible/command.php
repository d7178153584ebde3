<?php
declare( strict_types=1 );

namespace Indelible;

/** `wp indelible status|drain|sites`. */
final class Command {
	public static function start(): void {
		if ( defined( 'WP_CLI' ) && WP_CLI ) {
			\WP_CLI::add_command( 'indelible', self::class );
		}
	}

	/** Which log each blog goes to; make those that are missing with `indelible site create`. */
	public function sites(): void {
		foreach ( is_multisite() ? array( 0, ...get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) ) : array( 1 ) as $blog ) {
			\WP_CLI::line( ( 0 === $blog ? 'network' : "blog $blog" ) . "\t" . Settings::site_of( (int) $blog ) );
		}
	}

	/** What waits in the outbox, and why. */
	public function status(): void {
		foreach ( Outbox::status() as $log ) {
			\WP_CLI::line( sprintf( "%s\t%d waiting\t%d delivered\t%s", $log->site, $log->waiting, $log->delivered, $log->error ?? 'no trouble' ) );
		}
	}

	/** Sends all that waits, now. */
	public function drain(): void {
		Opened::collect();
		Shipper::ship( 600.0, true );
		$this->status();
	}
}
