<?php
declare( strict_types=1 );

namespace Indelible;

/** Tries again each minute what requests could not send. */
final class Cron {
	private const HOOK = 'indelible_ship';

	public static function start(): void {
		add_filter( 'cron_schedules', array( self::class, 'schedules' ) );
		Hooks::add( self::HOOK, array( self::class, 'work' ) );
		Hooks::add( 'init', array( self::class, 'schedule' ) );
		Hooks::show( 'admin_notices', array( self::class, 'notice' ) );
		Hooks::show( 'network_admin_notices', array( self::class, 'notice' ) );
	}

	public static function work(): void {
		Opened::collect();
		Account::remember();
		Shipper::ship( 20.0 );
	}

	public static function schedules( array $schedules ): array {
		return $schedules + array( 'indelible_minute' => array( 'interval' => 60, 'display' => 'Every minute' ) );
	}

	/** Once in a network: its main blog sends for all. */
	public static function schedule(): void {
		if ( is_main_site() && ! wp_installing() && ! wp_next_scheduled( self::HOOK ) ) {
			wp_schedule_event( time(), 'indelible_minute', self::HOOK );
		}
	}

	/** What waits is told to those who can do something about it. */
	public static function notice(): void {
		if ( ! current_user_can( is_multisite() ? 'manage_network' : 'manage_options' ) ) {
			return;
		}
		if ( '' === Settings::url() || '' === Settings::token() ) {
			self::say( __( 'Indelible is not connected: set INDELIBLE_URL and INDELIBLE_TOKEN in wp-config.php. Entries wait in the outbox.', 'indelible' ) );
			return;
		}
		$logs       = array_filter( Outbox::status(), static fn ( object $log ): bool => $log->failures > 1 || $log->overflowed > 0 );
		foreach ( $logs as $log ) {
			/* translators: 1: number of entries, 2: name of the log, 3: what went wrong */
			$text = __( 'Indelible: %1$d entries for %2$s wait in the outbox. %3$s', 'indelible' );
			self::say( sprintf( $text, $log->waiting, $log->site, $log->error ?? '' ) );
			if ( $log->overflowed > 0 ) {
				/* translators: 1: number of entries, 2: name of the log */
				self::say( sprintf( __( 'Indelible: the outbox is full. %1$d entries for %2$s are lost; a gap entry will tell of them.', 'indelible' ), $log->overflowed, $log->site ) );
			}
		}
	}

	private static function say( string $text ): void {
		printf( '<div class="notice notice-error"><p>%s</p></div>', esc_html( $text ) );
	}
}
